// SPDX-License-Identifier: GPL-2.0
/*
 * Lists of keys, of versions and of deleted keys, with pages.  A page marker
 * holds the name or id of the next item, so that it stays good when items
 * come and go between two pages.
 */
#include <string.h>
#include <strings.h>

#include "bundle.h"
#include "ops.h"

/* A list answer in the making. */
struct page {
	struct call *c;
	const char *path;
	char *from;
	size_t max;
	json_t *items;
	const char *next;
};

static bool page_open(struct page *p, struct call *c, const char *path)
{
	const char *max = request_query(c->rq, "maxresults");
	const char *skip = request_query(c->rq, "$skiptoken");
	unsigned char *from = NULL;
	char *end = NULL;
	long n;

	memset(p, 0, sizeof(*p));
	p->c = c;
	p->path = path;
	n = max ? strtol(max, &end, 10) : c->v->sw.page_size;
	if (n < 1 || n > 25 || (max && *end)) {
		call_bad(c, "Property maxresults has invalid value\r\n");
		return false;
	}
	if (skip && b64url_decode(skip, &from) < 0) {
		call_bad(c, "Property $skiptoken has invalid value\r\n");
		return false;
	}
	p->max = n;
	p->from = (char *)from;
	p->items = json_array();
	return true;
}

/* Does this item stand on the page?  Notes where the next page begins. */
static bool page_takes(struct page *p, const char *id)
{
	if (p->next || (p->from && strcasecmp(id, p->from) < 0))
		return false;
	if (json_array_size(p->items) < p->max)
		return true;
	p->next = id;
	return false;
}

static json_t *next_link(struct page *p)
{
	const char *api = request_query(p->c->rq, "api-version");
	_cleanup_(freep) char *token = NULL;
	_cleanup_(freep) char *link = NULL;

	if (!p->next)
		return json_null();
	token = b64url_encode(p->next, strlen(p->next));
	if (!token ||
	    asprintf(&link, "%s%s?api-version=%s&$skiptoken=%s&maxresults=%zu",
		     p->c->base, p->path, api, token, p->max) < 0)
		return NULL;
	return json_string(link);
}

static void page_answer(struct page *p)
{
	call_done(p->c, json_pack("{s:o, s:o}", "value", p->items,
				  "nextLink", next_link(p)));
	free(p->from);
}

void op_list(struct call *c)
{
	VAULT_GUARD(c->v);
	struct page p;
	struct key *k;

	if (!page_open(&p, c, "/keys"))
		return;
	for (k = c->v->keys; k; k = k->next) {
		if (!k->deleted && !key_settling(k) && page_takes(&p, k->name))
			json_array_append_new(p.items,
					      bundle_item(c, k, k->versions,
							  false));
	}
	page_answer(&p);
}

void op_list_deleted(struct call *c)
{
	VAULT_GUARD(c->v);
	struct page p;
	struct key *k;

	if (!page_open(&p, c, "/deletedkeys"))
		return;
	for (k = c->v->keys; k; k = k->next) {
		if (k->deleted && !key_settling(k) && page_takes(&p, k->name))
			json_array_append_new(p.items,
					      bundle_item(c, k, k->versions,
							  false));
	}
	page_answer(&p);
}

static int by_id(const void *a, const void *b)
{
	const struct version *const *x = a, *const *y = b;

	return strcmp((*x)->id, (*y)->id);
}

/* The service lists versions by id, not by age (recorded). */
static struct version **sorted_versions(const struct key *k, size_t *count)
{
	struct version **list = NULL;
	struct version *ver;
	size_t n = 0;

	for (ver = k->versions; ver; ver = ver->next)
		n++;
	list = calloc(n, sizeof(*list));
	if (!list)
		return NULL;
	n = 0;
	for (ver = k->versions; ver; ver = ver->next)
		list[n++] = ver;
	qsort(list, n, sizeof(*list), by_id);
	*count = n;
	return list;
}

void op_list_versions(struct call *c)
{
	_cleanup_(freep) struct version **list = NULL;
	VAULT_GUARD(c->v);
	struct key *k = vault_live(c->v, c->name);
	size_t count = 0, i;
	struct page p;
	char path[192];

	snprintf(path, sizeof(path), "/keys/%s/versions", c->name);
	if (!page_open(&p, c, path))
		return;
	/* No key is an empty list, not an error. */
	if (k)
		list = sorted_versions(k, &count);
	for (i = 0; i < count; i++) {
		if (page_takes(&p, list[i]->id))
			json_array_append_new(p.items,
					      bundle_item(c, k, list[i], true));
	}
	page_answer(&p);
}
