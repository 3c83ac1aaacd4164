/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Messages about what a vault answered.  Private to kek-azure.c and tests.
 */
#ifndef CMK_KEK_AZURE_TEXT_H
#define CMK_KEK_AZURE_TEXT_H

#include "kek-azure-answer.h"

/**
 * cmk_azure_explain() - fill op->res.error after an answer of the server
 * @op: res.answer and res.oid are set
 * @address: of the server
 * @network: its x-ms-keyvault-network-info header, may be NULL
 */
void cmk_azure_explain(struct cmk_kek_op *op,
		       const struct cmk_azure_reply *reply,
		       const char *address, const char *network);

/* The same when there was no answer, or none that could be used. */
void cmk_azure_explain_failure(struct cmk_kek_op *op, int err,
			       const char *code, const char *reason);

#endif
