// SPDX-License-Identifier: GPL-2.0
/*
 * Encodings, identifiers, clocks and atomic files: what is needed everywhere
 * and knows nothing of vaults.
 */
#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "util.h"

char *b64url_encode(const void *data, size_t len)
{
	char *text = malloc(4 * ((len + 2) / 3) + 1);
	char *p;

	if (!text)
		return NULL;
	EVP_EncodeBlock((unsigned char *)text, data, len);
	for (p = text; *p; p++) {
		if (*p == '+')
			*p = '-';
		else if (*p == '/')
			*p = '_';
	}
	text[strcspn(text, "=")] = '\0';
	return text;
}

ssize_t b64url_decode(const char *text, unsigned char **ret)
{
	static const char set[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				  "abcdefghijklmnopqrstuvwxyz0123456789-_";
	_cleanup_(freep) unsigned char *out = NULL;
	_cleanup_(freep) char *padded = NULL;
	size_t len = strspn(text, set);
	size_t full = (len + 3) / 4 * 4;
	size_t i;

	if (strspn(text + len, "=") != strlen(text + len) ||
	    strlen(text + len) > 2 || len % 4 == 1)
		return -EINVAL;
	padded = malloc(full + 1);
	out = malloc(full / 4 * 3 + 1);
	if (!padded || !out)
		return -ENOMEM;
	for (i = 0; i < full; i++) {
		padded[i] = i < len ? text[i] : '=';
		if (padded[i] == '-')
			padded[i] = '+';
		else if (padded[i] == '_')
			padded[i] = '/';
	}
	if (EVP_DecodeBlock(out, (unsigned char *)padded, full) < 0)
		return -EINVAL;
	out[len * 3 / 4] = '\0';
	*ret = out;
	out = NULL;
	return len * 3 / 4;
}

static void random_hex(char *text, size_t bytes)
{
	unsigned char raw[16];
	size_t i;

	/* Identifiers must be unique, or two keys would be one. */
	if (RAND_bytes(raw, bytes) != 1)
		abort();
	for (i = 0; i < bytes; i++)
		snprintf(text + 2 * i, 3, "%02x", raw[i]);
}

void version_new(char version[VERSION_LEN])
{
	random_hex(version, 16);
}

void uuid_new(char uuid[UUID_LEN])
{
	char hex[VERSION_LEN];

	random_hex(hex, 16);
	hex[12] = '4';
	hex[16] = "89ab"[hex[16] & 3];
	snprintf(uuid, UUID_LEN, "%.8s-%.4s-%.4s-%.4s-%.12s", hex, hex + 8,
		 hex + 12, hex + 16, hex + 20);
}

static int64_t clock_us(clockid_t id)
{
	struct timespec ts;

	clock_gettime(id, &ts);
	return ts.tv_sec * 1000000LL + ts.tv_nsec / 1000;
}

int64_t boottime_us(void)
{
	return clock_us(CLOCK_BOOTTIME);
}

int64_t realtime_us(void)
{
	return clock_us(CLOCK_REALTIME);
}

void time_iso(int64_t us, char *buf, size_t size)
{
	time_t sec = us / 1000000;
	char day[32];
	struct tm tm;

	gmtime_r(&sec, &tm);
	strftime(day, sizeof(day), "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(buf, size, "%s.%06dZ", day, (int)(us % 1000000));
}

static int write_all(int fd, const char *data, size_t len)
{
	while (len) {
		ssize_t n = write(fd, data, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		data += n;
		len -= n;
	}
	return 0;
}

int file_write_atomic(int dir, const char *name, const void *data, size_t len,
		      mode_t mode)
{
	_cleanup_(closep) int fd = -1;
	char temp[256];
	int ret;

	snprintf(temp, sizeof(temp), ".%s.new", name);
	fd = openat(dir, temp, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode);
	if (fd < 0)
		return -errno;
	ret = write_all(fd, data, len);
	if (!ret && (fsync(fd) || renameat(dir, temp, dir, name)))
		ret = -errno;
	if (ret) {
		unlinkat(dir, temp, 0);
		return ret;
	}
	/* A power cut undoes the rename until the folder is synced. */
	return fsync(dir) ? -errno : 0;
}

ssize_t file_read(int dir, const char *name, char **ret)
{
	_cleanup_(closep) int fd = openat(dir, name, O_RDONLY | O_CLOEXEC);
	_cleanup_(freep) char *data = NULL;
	struct stat st;
	ssize_t len = 0;

	if (fd < 0 || fstat(fd, &st))
		return -errno;
	data = malloc(st.st_size + 1);
	if (!data)
		return -ENOMEM;
	while (len < st.st_size) {
		ssize_t n = read(fd, data + len, st.st_size - len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (!n)
			break;
		len += n;
	}
	data[len] = '\0';
	*ret = data;
	data = NULL;
	return len;
}
