// SPDX-License-Identifier: GPL-2.0
/*
 * Makes and keeps the certificate authority that clients of the emulator are
 * told to trust (ca.pem), and signs one server certificate per start.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <openssl/crypto.h>
#include <openssl/ec.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>
#include <string.h>

#include "pki.h"
#include "util.h"

#define DAY (24 * 3600L)

struct authority {
	EVP_PKEY *key;
	X509 *cert;
};

static void authority_clear(struct authority *ca)
{
	EVP_PKEY_free(ca->key);
	X509_free(ca->cert);
}

static void bio_freep(BIO **bio)
{
	BIO_free(*bio);
}

static void x509_freep(X509 **cert)
{
	X509_free(*cert);
}

static void pkey_freep(EVP_PKEY **key)
{
	EVP_PKEY_free(*key);
}

static int extend(X509 *cert, X509 *issuer, int nid, const char *value)
{
	X509_EXTENSION *ext;
	X509V3_CTX ctx;
	int ok;

	X509V3_set_ctx(&ctx, issuer, cert, NULL, NULL, 0);
	ext = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
	ok = ext && X509_add_ext(cert, ext, -1);
	X509_EXTENSION_free(ext);
	return ok ? 0 : -EIO;
}

/*
 * Valid from yesterday: the guests that trust it may have a clock that is a
 * little behind.
 */
static X509 *cert_new(EVP_PKEY *key, const char *cn, long days)
{
	X509 *cert = X509_new();
	unsigned char serial[8];
	X509_NAME *name;
	ASN1_INTEGER *no;

	if (!cert || RAND_bytes(serial, sizeof(serial)) != 1)
		goto fail;
	serial[0] = (serial[0] & 0x7f) | 0x40;
	no = X509_get_serialNumber(cert);
	name = X509_get_subject_name(cert);
	if (!X509_set_version(cert, X509_VERSION_3) ||
	    !ASN1_STRING_set((ASN1_STRING *)no, serial, sizeof(serial)) ||
	    !X509_gmtime_adj(X509_getm_notBefore(cert), -DAY) ||
	    !X509_gmtime_adj(X509_getm_notAfter(cert), days * DAY) ||
	    !X509_set_pubkey(cert, key) ||
	    !X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8,
					(const unsigned char *)cn, -1, -1, 0))
		goto fail;
	return cert;
fail:
	X509_free(cert);
	return NULL;
}

static char *pem_of(EVP_PKEY *key, X509 *cert, X509 *behind)
{
	_cleanup_(bio_freep) BIO *bio = BIO_new(BIO_s_mem());
	char *data;
	long len;

	if (!bio)
		return NULL;
	if (key && PEM_write_bio_PrivateKey(bio, key, NULL, NULL, 0, NULL,
					    NULL) != 1)
		return NULL;
	if (cert && PEM_write_bio_X509(bio, cert) != 1)
		return NULL;
	if (behind && PEM_write_bio_X509(bio, behind) != 1)
		return NULL;
	len = BIO_get_mem_data(bio, &data);
	return strndup(data, len);
}

static int authority_store(int dir, const struct authority *ca)
{
	_cleanup_(freep) char *cert = pem_of(NULL, ca->cert, NULL);
	char *key = pem_of(ca->key, NULL, NULL);
	int ret = -ENOMEM;

	/* The certificate comes last: where it is, both are. */
	if (cert && key) {
		ret = file_write_atomic(dir, "ca.key", key, strlen(key), 0600);
		if (!ret)
			ret = file_write_atomic(dir, "ca.pem", cert,
						strlen(cert), 0644);
	}
	if (key)
		OPENSSL_cleanse(key, strlen(key));
	free(key);
	return ret;
}

static int authority_make(int dir, struct authority *ca)
{
	ca->key = EVP_EC_gen("P-256");
	if (ca->key)
		ca->cert = cert_new(ca->key, "kvemu test authority", 3650);
	if (!ca->cert ||
	    !X509_set_issuer_name(ca->cert, X509_get_subject_name(ca->cert)) ||
	    extend(ca->cert, ca->cert, NID_basic_constraints,
		   "critical,CA:TRUE,pathlen:0") ||
	    extend(ca->cert, ca->cert, NID_key_usage,
		   "critical,keyCertSign,cRLSign") ||
	    extend(ca->cert, ca->cert, NID_subject_key_identifier, "hash") ||
	    !X509_sign(ca->cert, ca->key, EVP_sha256()))
		return -EIO;
	return authority_store(dir, ca);
}

static int authority_open(int dir, struct authority *ca)
{
	_cleanup_(bio_freep) BIO *kb = NULL;
	_cleanup_(bio_freep) BIO *cb = NULL;
	_cleanup_(freep) char *cert = NULL;
	_cleanup_(freep) char *key = NULL;
	ssize_t len = file_read(dir, "ca.pem", &cert);

	if (len == -ENOENT)
		return authority_make(dir, ca);
	if (len < 0)
		return len;
	len = file_read(dir, "ca.key", &key);
	if (len < 0)
		return len;
	kb = BIO_new_mem_buf(key, -1);
	cb = BIO_new_mem_buf(cert, -1);
	if (kb && cb) {
		ca->key = PEM_read_bio_PrivateKey(kb, NULL, NULL, NULL);
		ca->cert = PEM_read_bio_X509(cb, NULL, NULL, NULL);
	}
	OPENSSL_cleanse(key, len);
	return ca->key && ca->cert ? 0 : -EINVAL;
}

static bool is_address(const char *name)
{
	unsigned char buf[sizeof(struct in6_addr)];

	return inet_pton(AF_INET, name, buf) == 1 ||
	       inet_pton(AF_INET6, name, buf) == 1;
}

static char *alt_names(char *const *names)
{
	char *text = NULL;
	size_t size;
	FILE *f = open_memstream(&text, &size);
	int i;

	if (!f)
		return NULL;
	for (i = 0; names[i]; i++)
		fprintf(f, "%s%s:%s", i ? "," : "",
			is_address(names[i]) ? "IP" : "DNS", names[i]);
	fclose(f);
	return text;
}

static int server_make(const struct authority *ca, char *const *names,
		       struct pki *pki)
{
	_cleanup_(pkey_freep) EVP_PKEY *key = EVP_EC_gen("P-256");
	_cleanup_(freep) char *alt = alt_names(names);
	_cleanup_(x509_freep) X509 *cert = NULL;

	if (key && alt)
		cert = cert_new(key, "kvemu", 3649);
	if (!cert ||
	    !X509_set_issuer_name(cert, X509_get_subject_name(ca->cert)) ||
	    extend(cert, ca->cert, NID_basic_constraints,
		   "critical,CA:FALSE") ||
	    extend(cert, ca->cert, NID_key_usage,
		   "critical,digitalSignature") ||
	    extend(cert, ca->cert, NID_ext_key_usage, "serverAuth") ||
	    extend(cert, ca->cert, NID_subject_alt_name, alt) ||
	    extend(cert, ca->cert, NID_subject_key_identifier, "hash") ||
	    extend(cert, ca->cert, NID_authority_key_identifier, "keyid") ||
	    !X509_sign(cert, ca->key, EVP_sha256()))
		return -EIO;
	pki->key = pem_of(key, NULL, NULL);
	pki->cert = pem_of(NULL, cert, ca->cert);
	return pki->key && pki->cert ? 0 : -ENOMEM;
}

int pki_open(int dir, char *const *names, struct pki *pki)
{
	_cleanup_(authority_clear) struct authority ca = { NULL };
	int ret = authority_open(dir, &ca);

	return ret ? ret : server_make(&ca, names, pki);
}

void pki_close(struct pki *pki)
{
	if (pki->key)
		OPENSSL_cleanse(pki->key, strlen(pki->key));
	free(pki->key);
	free(pki->cert);
}
