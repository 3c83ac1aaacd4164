// SPDX-License-Identifier: GPL-2.0
/*
 * Reads cmktab(5).  As in crypttab, blanks separate columns, options are
 * separated by commas without blanks, and '#' begins a comment at the start
 * of a line only.
 */
#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "cmktab.h"
#include "config.h"
#include "span.h"

#define LINE_MAX_LEN	4096
#define NAME_MAX_LEN	127	/* of device-mapper */

struct tab_reader {
	const char *file;
	unsigned int line;
	cmk_tab_warn_t warn;
	void *userdata;
	struct cmk_tab *tab;
};

enum option_type {
	OPT_FLAG,
	OPT_FLAG_OFF,		/* the default, by name */
	OPT_STRING,
	OPT_SPAN,
	OPT_POLICY,
};

static const struct option {
	const char *name;
	enum option_type type;
	size_t offset;
} options[] = {
#define OPT(name, type, member) \
	{ name, type, offsetof(struct cmk_tab_entry, member) }
	OPT("nofail", OPT_FLAG_OFF, required),
	OPT("required", OPT_FLAG, required),
	OPT("noauto", OPT_FLAG, noauto),
	OPT("_netdev", OPT_FLAG, netdev),
	OPT("timeout", OPT_SPAN, timeout),
	OPT("header", OPT_STRING, header),
	OPT("read-only", OPT_FLAG, read_only),
	OPT("discard", OPT_FLAG, discard),
	OPT("stop", OPT_STRING, stop),
	OPT("x-initrd.attach", OPT_FLAG, initrd_attach),
	OPT("on-denied", OPT_POLICY, on_denied),
	OPT("deny-hold", OPT_POLICY, deny_hold),
	OPT("offline-grace", OPT_POLICY, offline_grace),
	OPT("lease-ttl", OPT_POLICY, lease_ttl),
#undef OPT
};

static int __attribute__((format(printf, 3, 4)))
malformed(const struct tab_reader *t, struct cmk_error *e, const char *fmt,
	  ...)
{
	char text[256];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	return cmk_error_set(e, CMK_USAGE, -EINVAL, "cmktab", "%s:%u: %s",
			     t->file, t->line, text);
}

static void __attribute__((format(printf, 2, 3)))
warn(const struct tab_reader *t, const char *fmt, ...)
{
	char text[256], line[384];
	va_list ap;

	if (!t->warn)
		return;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	snprintf(line, sizeof(line), "%s:%u: %s", t->file, t->line, text);
	t->warn(line, t->userdata);
}

static int set_string(char **ret, const char *value)
{
	char *copy = strdup(value);

	if (!copy)
		return -ENOMEM;
	free(*ret);
	*ret = copy;
	return 0;
}

/* The values that the configuration would accept, and no others. */
static int check_policy(const char *name, const char *value)
{
	struct cmk_pol_conf conf = { 0 };

	return cmk_config_volume_option(&conf, name, value);
}

static int set_prefetch(struct cmk_tab_entry *en, const char *value)
{
	en->on_demand = !strcmp(value, "on-demand");
	return en->on_demand || !strcmp(value, "all") ? 0 : -EINVAL;
}

static int set_option(struct cmk_tab_entry *en, const struct option *o,
		      const char *value)
{
	void *p = (char *)en + o->offset;
	int r;

	switch (o->type) {
	case OPT_FLAG:
	case OPT_FLAG_OFF:
		if (value)
			return -EINVAL;
		*(bool *)p = o->type == OPT_FLAG;
		return 0;
	case OPT_STRING:
		return value && *value ? set_string(p, value) : -EINVAL;
	case OPT_SPAN:
		return value ? cmk_parse_span(value, p) : -EINVAL;
	case OPT_POLICY:
		r = value ? check_policy(o->name, value) : -EINVAL;
		return r ?: set_string(p, value);
	}
	return -EINVAL;
}

static int take_option(struct tab_reader *t, struct cmk_tab_entry *en,
		       char *word, struct cmk_error *e)
{
	char *value = strchr(word, '=');
	unsigned int i;
	int r;

	if (value)
		*value++ = 0;
	if (!strcmp(word, "prefetch")) {
		r = value ? set_prefetch(en, value) : -EINVAL;
		goto out;
	}
	for (i = 0; i < sizeof(options) / sizeof(options[0]); i++) {
		if (strcmp(options[i].name, word))
			continue;
		r = set_option(en, &options[i], value);
		goto out;
	}
	warn(t, "unknown option '%s', ignoring", word);
	return 0;
out:
	if (!r)
		return 0;
	return malformed(t, e, "bad value of option '%s'%s%s", word,
			 value ? ": " : "", value ?: "");
}

static bool name_is_good(const char *s)
{
	static const char more[] = "#+-.:=@_";
	size_t i, len = strlen(s);

	if (!len || len > NAME_MAX_LEN || !strcmp(s, ".") || !strcmp(s, ".."))
		return false;
	for (i = 0; i < len; i++)
		if (!isalnum((unsigned char)s[i]) && !strchr(more, s[i]))
			return false;
	return true;
}

static int check_kek(struct tab_reader *t, const struct cmk_tab_entry *en,
		     struct cmk_error *e)
{
	if (!strncasecmp(en->kek, "https://", 8) || !strcmp(en->kek, "service"))
		return 0;
	if (strcmp(en->kek, "-"))
		return malformed(t, e, "the KEK '%s' is neither an https URI nor service",
				 en->kek);
	warn(t, "KEK '-': the header of '%s' says which KEK opens it, the node does not",
	     en->name);
	return 0;
}

static int check_entry(struct tab_reader *t, struct cmk_tab_entry *en,
		       struct cmk_error *e)
{
	if (!name_is_good(en->name))
		return malformed(t, e, "'%s' cannot be a mapping's name",
				 en->name);
	if (cmk_tab_find(t->tab, en->name))
		return malformed(t, e, "the name '%s' is there twice",
				 en->name);
	if (strncmp(en->device, "UUID=", 5))
		warn(t, "'%s' is not named by UUID=, another device may take its place",
		     en->device);
	if (!strncasecmp(en->kek, "https://", 8))
		en->netdev = true;
	return check_kek(t, en, e);
}

static void entry_free(struct cmk_tab_entry *en)
{
	free(en->name);
	free(en->device);
	free(en->kek);
	free(en->header);
	free(en->stop);
	free(en->on_denied);
	free(en->deny_hold);
	free(en->offline_grace);
	free(en->lease_ttl);
}

static int append(struct cmk_tab *tab, const struct cmk_tab_entry *en)
{
	struct cmk_tab_entry *entries;

	entries = realloc(tab->entries, (tab->n + 1) * sizeof(*entries));
	if (!entries)
		return -ENOMEM;
	tab->entries = entries;
	entries[tab->n++] = *en;
	return 0;
}

static int fill_entry(struct tab_reader *t, struct cmk_tab_entry *en,
		      char *line, struct cmk_error *e)
{
	static const char blank[] = " \t\r\n";
	char *save, *opt, *words[5];
	unsigned int n;
	int r;

	for (n = 0; n < 5; n++) {
		words[n] = strtok_r(n ? NULL : line, blank, &save);
		if (!words[n])
			break;
	}
	if (n < 3 || n > 4)
		return malformed(t, e, "give name, device, KEK and options");
	r = set_string(&en->name, words[0]) ?:
	    set_string(&en->device, words[1]) ?:
	    set_string(&en->kek, words[2]);
	if (r)
		return r;
	r = check_entry(t, en, e);
	if (r || n < 4 || !strcmp(words[3], "-"))
		return r;
	for (opt = strtok_r(words[3], ",", &save); opt && !r;
	     opt = strtok_r(NULL, ",", &save))
		r = take_option(t, en, opt, e);
	return r;
}

static int take_line(struct tab_reader *t, char *line, struct cmk_error *e)
{
	struct cmk_tab_entry en = { .line = t->line };
	const char *s = line + strspn(line, " \t\r\n");
	int r;

	if (!*s || *s == '#')
		return 0;
	r = fill_entry(t, &en, line, e) ?: append(t->tab, &en);
	if (r)
		entry_free(&en);
	if (r == -ENOMEM)
		cmk_error_set(e, CMK_FAILED, r, "memory", "out of memory");
	return r;
}

static int read_lines(struct tab_reader *t, FILE *f, struct cmk_error *e)
{
	char line[LINE_MAX_LEN];
	int r = 0;

	while (!r && fgets(line, sizeof(line), f)) {
		t->line++;
		if (!strchr(line, '\n') && !feof(f))
			r = malformed(t, e, "the line is too long");
		else
			r = take_line(t, line, e);
	}
	return r;
}

int cmk_tab_read(struct cmk_tab *ret, const char *file, cmk_tab_warn_t warn_cb,
		 void *userdata, struct cmk_error *e)
{
	struct cmk_tab tab = { 0 };
	struct tab_reader t = {
		.file = file ?: CMK_TAB_FILE,
		.warn = warn_cb,
		.userdata = userdata,
		.tab = &tab,
	};
	FILE *f = fopen(t.file, "re");
	int r;

	if (!f && errno == ENOENT) {
		*ret = tab;
		return 0;
	}
	if (!f)
		return cmk_error_set(e, CMK_USAGE, -errno, "cmktab",
				     "cannot read '%s': %m", t.file);
	r = read_lines(&t, f, e);
	fclose(f);
	if (r)
		cmk_tab_free(&tab);
	else
		*ret = tab;
	return r;
}

void cmk_tab_free(struct cmk_tab *tab)
{
	unsigned int i;

	for (i = 0; i < tab->n; i++)
		entry_free(&tab->entries[i]);
	free(tab->entries);
	tab->entries = NULL;
	tab->n = 0;
}

const struct cmk_tab_entry *cmk_tab_find(const struct cmk_tab *tab,
					 const char *name)
{
	unsigned int i;

	for (i = 0; i < tab->n; i++)
		if (!strcmp(tab->entries[i].name, name))
			return &tab->entries[i];
	return NULL;
}
