// SPDX-License-Identifier: GPL-2.0
/*
 * Owns the judgement of an answer by cmkctl: which exit status it means.
 */
#include <errno.h>
#include <string.h>

#include "answer.h"
#include "client.h"
#include "span.h"
#include "volume.h"

int answer_probe(struct cmkctl *ctl, const unsigned char *uuid, json_t **ret,
		 struct cmk_error *e)
{
	char text[VOLUME_TEXT];

	cmk_format_uuid(uuid, text);
	return client_call(ctl, "Probe", json_pack("{s:s}", "uuid", text), ret,
			   e);
}

int answer_check(struct cmkctl *ctl, json_t *answer, struct cmk_error *e)
{
	const char *word = json_text(answer, "answer");
	const char *text = json_text(answer, "message");
	bool denied = strncmp(word, "denied", 6) == 0;
	int r;

	if (strcmp(word, "usable") == 0)
		return 0;
	json_decref(ctl->detail);
	ctl->detail = json_incref(answer);
	r = cmk_error_set(e, denied ? CMK_DENIED : CMK_TEMPORARY,
			  denied ? -EACCES : -EAGAIN, *word ? word : "unknown",
			  "%s", *text ? text : "the key server gave no answer");
	e->http = json_number(answer, "http");
	return r;
}
