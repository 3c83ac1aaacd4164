// SPDX-License-Identifier: GPL-2.0
/*
 * Reads a cmktab as cmkctl does, from a file that is named: warnings on
 * standard error, the number of entries on standard output.
 */
#include <stdio.h>

#include "cmktab.h"

static void warn(const char *text, void *userdata)
{
	fprintf(stderr, "%s\n", text);
}

int main(int argc, char **argv)
{
	__cmk_tab struct cmk_tab tab = { 0 };
	struct cmk_error e;

	if (argc != 2)
		return CMK_USAGE;
	if (cmk_tab_read(&tab, argv[1], warn, NULL, &e) < 0) {
		fprintf(stderr, "%s\n", e.text);
		return e.status;
	}
	printf("%u\n", tab.n);
	return CMK_OK;
}
