/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The emulator's own certificate authority: a durable CA in the folder, a
 * server certificate made anew at each start and never written to disk.
 */
#ifndef KVEMU_PKI_H
#define KVEMU_PKI_H

/**
 * struct pki - what a TLS listener needs
 * @key: private key of the server, PEM
 * @cert: its certificate with the CA behind it, PEM
 */
struct pki {
	char *key;
	char *cert;
};

/**
 * pki_open() - the CA of a folder, made on first use, and a server certificate
 * @dir: open directory that holds ca.pem and ca.key
 * @names: host names and addresses for the certificate, NULL-terminated
 * @pki: result, freed by pki_close()
 *
 * Return: 0 or a negative errno.
 */
int pki_open(int dir, char *const *names, struct pki *pki);

/** pki_close() - wipe and free */
void pki_close(struct pki *pki);

#endif
