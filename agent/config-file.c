// SPDX-License-Identifier: GPL-2.0
/*
 * Reads configuration files of systemd's syntax, strictly: a line that is
 * neither section, assignment nor comment is an error.
 */
#include <errno.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config-file.h"

#define LINE_MAX_LEN	4096
#define SECTION_MAX	64

struct reader {
	const char *file;
	FILE *f;
	unsigned int line;
	char section[SECTION_MAX];
	char buf[LINE_MAX_LEN];
};

static int syntax(const struct reader *r, struct cmk_error *e,
		  const char *what)
{
	return cmk_error_set(e, CMK_USAGE, -EINVAL, "config", "%s:%u: %s",
			     r->file, r->line, what);
}

static int unreadable(const char *file, struct cmk_error *e)
{
	return cmk_error_set(e, CMK_USAGE, -errno, "config",
			     "cannot read '%s': %m", file);
}

static char *strip(char *s)
{
	char *end;

	s += strspn(s, " \t");
	end = s + strlen(s);
	while (end > s && strchr(" \t\r\n", end[-1]))
		*--end = 0;
	return s;
}

static bool is_comment(const char *s)
{
	return !*s || *s == '#' || *s == ';';
}

/*
 * Reads one logical line into r->buf.  A comment between the lines of a
 * continued one is skipped, as systemd does.
 *
 * Return: 1, 0 at the end of the file, or negative errno.
 */
static int next_line(struct reader *r, struct cmk_error *e)
{
	size_t used = 0;
	bool more = false;

	for (;;) {
		char *s = r->buf + used;
		size_t len;

		if (!fgets(s, sizeof(r->buf) - used, r->f)) {
			if (ferror(r->f))
				return unreadable(r->file, e);
			return more ? 1 : 0;
		}
		r->line++;
		len = strlen(s);
		if (len && s[len - 1] == '\n')
			s[--len] = 0;
		else if (!feof(r->f))
			return syntax(r, e, "the line is too long");
		if (is_comment(s + strspn(s, " \t"))) {
			if (!more)
				return 1;
			if (*s)
				continue;
		}
		if (!len || s[len - 1] != '\\')
			return 1;
		s[len - 1] = ' ';
		used += len;
		more = true;
	}
}

static int take_section(struct reader *r, char *s, struct cmk_error *e)
{
	size_t len = strlen(s);

	if (s[len - 1] != ']' || len < 3 || len - 2 >= SECTION_MAX)
		return syntax(r, e, "not a section");
	memcpy(r->section, s + 1, len - 2);
	r->section[len - 2] = 0;
	return 0;
}

static int take_assignment(struct reader *r, char *s, cmk_config_line_t take,
			   void *userdata, struct cmk_error *e)
{
	struct cmk_config_line l = {
		.file = r->file,
		.line = r->line,
		.section = r->section,
	};
	char *eq = strchr(s, '=');

	if (!eq)
		return syntax(r, e, "neither [Section] nor Key=value");
	if (!r->section[0])
		return syntax(r, e, "assignment outside of a section");
	*eq = 0;
	l.key = strip(s);
	l.value = strip(eq + 1);
	return take(&l, userdata, e);
}

/* What is done with the lines of each file */
typedef int (*lines_t)(struct reader *r, void *userdata, struct cmk_error *e);

struct taker {
	cmk_config_line_t take;
	void *userdata;
};

static int take_lines(struct reader *r, void *userdata, struct cmk_error *e)
{
	const struct taker *t = userdata;
	int ret;

	while ((ret = next_line(r, e)) > 0) {
		char *s = strip(r->buf);

		if (is_comment(s))
			continue;
		if (*s == '[')
			ret = take_section(r, s, e);
		else
			ret = take_assignment(r, s, t->take, t->userdata, e);
		if (ret)
			return ret;
	}
	return ret;
}

static int read_file(const char *file, bool optional, lines_t lines,
		     void *userdata, struct cmk_error *e)
{
	struct reader r = { .file = file };
	int ret;

	r.f = fopen(file, "re");
	if (!r.f)
		return errno == ENOENT && optional ? 0 : unreadable(file, e);
	ret = lines(&r, userdata, e);
	fclose(r.f);
	return ret;
}

static int read_files(const char *file, bool optional, lines_t lines,
		      void *userdata, struct cmk_error *e)
{
	char pattern[4096];
	size_t i;
	glob_t g;
	int r;

	r = read_file(file, optional, lines, userdata, e);
	if (r)
		return r;
	if (snprintf(pattern, sizeof(pattern), "%s.d/*.conf", file) >=
	    (int)sizeof(pattern))
		return cmk_error_set(e, CMK_USAGE, -ENAMETOOLONG, "config",
				     "the file name is too long");
	r = glob(pattern, 0, NULL, &g);
	if (r == GLOB_NOMATCH)
		return 0;
	if (r)
		return cmk_error_set(e, CMK_USAGE, -EIO, "config",
				     "cannot list '%s'", pattern);
	for (i = 0, r = 0; i < g.gl_pathc && !r; i++)
		r = read_file(g.gl_pathv[i], false, lines, userdata, e);
	globfree(&g);
	return r;
}

int cmk_config_read(const char *file, bool optional, cmk_config_line_t take,
		    void *userdata, struct cmk_error *e)
{
	struct taker t = { .take = take, .userdata = userdata };

	return read_files(file, optional, take_lines, &t, e);
}

struct peek {
	const char *key;
	char *ret;
	size_t size;
	bool found;
};

static int peek_lines(struct reader *r, void *userdata, struct cmk_error *e)
{
	struct peek *p = userdata;
	char *eq;
	int ret;

	while ((ret = next_line(r, e)) > 0) {
		eq = strchr(r->buf, '=');
		if (!eq)
			continue;
		*eq = 0;
		if (strcmp(strip(r->buf), p->key))
			continue;
		p->found = true;
		if (snprintf(p->ret, p->size, "%s", strip(eq + 1)) >=
		    (int)p->size)
			return syntax(r, e, "the value is too long");
	}
	return ret;
}

int cmk_config_peek(const char *file, const char *key, char *ret, size_t size)
{
	struct peek p = { .key = key, .ret = ret, .size = size };
	int r = read_files(file, true, peek_lines, &p, NULL);

	return r ? r : p.found;
}
