// SPDX-License-Identifier: GPL-2.0
/*
 * HTTP requests on the agent's event loop.  Owns the settings of each transfer
 * that make the promises of http.h true, and what is read from an answer.
 *
 * HTTP/1.1 and not 2: with 2, libcurl keeps what it has received in a buffer
 * of the connection, and an unwrapped key stays there until another answer
 * overwrites it (three copies were found after three unwraps); nghttp2 frees
 * its frames as they are.  With 1.1 the buffers belong to the transfer and are
 * wiped when it ends.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

#include "clock.h"
#include "crypto.h"
#include "http-loop.h"
#include "http.h"

struct cmk_http {
	struct cmk_http_loop loop;
	struct cmk_http_settings settings;
	char boot[19];			/* first three groups of the boot id */
	uint64_t counter;		/* of requests, see next_id() */
	struct cmk_http_request *requests;
};

struct cmk_http_request {
	struct cmk_http *http;
	struct cmk_http_request *prev, *next;
	CURL *easy;
	struct curl_slist *headers;
	struct cmk_secret body;		/* of the request */
	cmk_http_done_t done;
	void *userdata;
	struct cmk_http_answer answer;
	char error[CURL_ERROR_SIZE];
	bool too_long;
};

/*
 * A restarted agent must not use an id again: the counter begins at the time
 * since boot in microseconds, and no agent makes a request in each of them.
 */
static int init_id(struct cmk_http *http)
{
	FILE *f = fopen("/proc/sys/kernel/random/boot_id", "re");
	size_t n;

	if (!f)
		return -errno;
	n = fread(http->boot, 1, 18, f);
	fclose(f);
	if (n != 18)
		return -EIO;
	http->counter = cmk_boottime();
	return 0;
}

static void next_id(struct cmk_http *http, char ret[37])
{
	uint64_t n = http->counter++;

	snprintf(ret, 37, "%s-%04" PRIx64 "-%012" PRIx64, http->boot, n >> 48,
		 n & (UINT64_MAX >> 16));
}

static void request_free(struct cmk_http_request *req)
{
	if (!req)
		return;
	if (req->easy) {
		curl_multi_remove_handle(req->http->loop.multi, req->easy);
		curl_easy_cleanup(req->easy);
	}
	curl_slist_free_all(req->headers);
	cmk_secret_wipe(&req->body);
	cmk_secret_wipe(&req->answer.body);
	if (req->prev)
		req->prev->next = req->next;
	else if (req->http->requests == req)
		req->http->requests = req->next;
	if (req->next)
		req->next->prev = req->prev;
	free(req);
}

static void request_freep(struct cmk_http_request **req)
{
	request_free(*req);
}

void cmk_http_cancel(struct cmk_http_request *req)
{
	request_free(req);
}

static const struct failure {
	CURLcode code;
	int err;
	bool again;
} failures[] = {
	{ CURLE_OPERATION_TIMEDOUT, -ETIMEDOUT, true },
	{ CURLE_COULDNT_RESOLVE_HOST, -EHOSTUNREACH, true },
	{ CURLE_COULDNT_RESOLVE_PROXY, -EHOSTUNREACH, true },
	{ CURLE_COULDNT_CONNECT, -ECONNREFUSED, true },
	{ CURLE_PROXY, -ECONNREFUSED, true },
	{ CURLE_GOT_NOTHING, -ECONNRESET, true },
	{ CURLE_SEND_ERROR, -ECONNRESET, true },
	{ CURLE_RECV_ERROR, -ECONNRESET, true },
	{ CURLE_PARTIAL_FILE, -ECONNRESET, true },
	{ CURLE_SSL_CONNECT_ERROR, -ECONNRESET, true },
	{ CURLE_PEER_FAILED_VERIFICATION, -EKEYREJECTED, false },
	{ CURLE_SSL_CACERT_BADFILE, -EKEYREJECTED, false },
	{ CURLE_OUT_OF_MEMORY, -ENOMEM, false },
};

static void set_failure(struct cmk_http_request *req, CURLcode code)
{
	struct cmk_http_answer *a = &req->answer;
	size_t i;

	a->err = -EIO;
	for (i = 0; i < sizeof(failures) / sizeof(failures[0]); i++) {
		if (failures[i].code == code) {
			a->err = failures[i].err;
			a->again = failures[i].again;
		}
	}
	if (req->too_long)
		a->err = -EMSGSIZE;
	snprintf(a->reason, sizeof(a->reason), "%s",
		 req->too_long ? "the answer is too long" :
		 req->error[0] ? req->error : curl_easy_strerror(code));
}

const char *cmk_http_header(struct cmk_http_request *req, const char *name)
{
	struct curl_header *h;

	/* not of CURLH_CONNECT: those are a proxy's */
	if (curl_easy_header(req->easy, name, 0, CURLH_HEADER, -1, &h))
		return NULL;
	return h->value;
}

static void set_answer(struct cmk_http_request *req)
{
	static const char json[] = "application/json";
	struct cmk_http_answer *a = &req->answer;
	const char *type, *date = cmk_http_header(req, "Date");
	curl_off_t after = 0;
	long status = 0;
	time_t t;

	curl_easy_getinfo(req->easy, CURLINFO_RESPONSE_CODE, &status);
	a->status = status;
	type = cmk_http_header(req, "Content-Type");
	if (type && !strncasecmp(type, json, strlen(json)))
		a->is_json = !type[strlen(json)] || type[strlen(json)] == ';';
	t = date ? curl_getdate(date, NULL) : -1;
	a->date = t > 0 ? t : 0;
	curl_easy_getinfo(req->easy, CURLINFO_RETRY_AFTER, &after);
	if (after > 0)
		a->retry_after = after < 86400 ? after : 86400;
}

static void finish(CURL *easy, CURLcode code)
{
	struct cmk_http_request *req;
	struct cmk_http_answer *a;
	curl_off_t total = 0;
	char *ip = NULL;

	curl_easy_getinfo(easy, CURLINFO_PRIVATE, &req);
	a = &req->answer;
	curl_easy_getinfo(req->easy, CURLINFO_PRIMARY_IP, &ip);
	snprintf(a->address, sizeof(a->address), "%s", ip ? ip : "");
	curl_easy_getinfo(req->easy, CURLINFO_TOTAL_TIME_T, &total);
	a->latency_us = total;
	if (code == CURLE_OK)
		set_answer(req);
	else
		set_failure(req, code);
	/*
	 * Out of the multi handle first: no other message about it can come
	 * while the callback starts or cancels other requests.
	 */
	curl_multi_remove_handle(req->http->loop.multi, req->easy);
	req->done(req, a, req->userdata);
	request_free(req);
}

/* CURLOPT_WRITEFUNCTION */
static size_t on_body(char *data, size_t size, size_t n, void *userdata)
{
	struct cmk_http_request *req = userdata;
	struct cmk_http_answer *a = &req->answer;

	n *= size;
	if (!a->body.data && cmk_secret_alloc(&a->body, CMK_HTTP_BODY_MAX))
		return 0;
	if (n > CMK_HTTP_BODY_MAX - a->body_len) {
		req->too_long = true;
		return 0;
	}
	memcpy(a->body.data + a->body_len, data, n);
	a->body_len += n;
	return n;
}

static bool is_near(const struct sockaddr *sa)
{
	const struct sockaddr_in *in = (const void *)sa;
	const struct sockaddr_in6 *in6 = (const void *)sa;
	uint32_t v4;

	if (sa->sa_family == AF_INET6)
		return IN6_IS_ADDR_LOOPBACK(&in6->sin6_addr) ||
		       IN6_IS_ADDR_LINKLOCAL(&in6->sin6_addr);
	if (sa->sa_family != AF_INET)
		return false;
	v4 = ntohl(in->sin_addr.s_addr);
	return v4 >> 24 == 127 || v4 >> 16 == 0xa9fe;
}

/* CURLOPT_OPENSOCKETFUNCTION: sees the address that a name resolved to. */
static curl_socket_t open_near(void *userdata, curlsocktype purpose,
			       struct curl_sockaddr *a)
{
	if (!is_near(&a->addr))
		return CURL_SOCKET_BAD;
	return socket(a->family, a->socktype | SOCK_CLOEXEC, a->protocol);
}

static curl_socket_t open_any(void *userdata, curlsocktype purpose,
			      struct curl_sockaddr *a)
{
	return socket(a->family, a->socktype | SOCK_CLOEXEC, a->protocol);
}

/* CURLOPT_SSL_CTX_FUNCTION */
static CURLcode on_ssl_ctx(CURL *easy, void *ssl_ctx, void *userdata)
{
	cmk_tls_wipe_plaintext(ssl_ctx);
	return CURLE_OK;
}

/* Collects failures, so that a list of settings reads as a list. */
#define SET(opt, value) (bad |= curl_easy_setopt(easy, CURLOPT_##opt, value))

static int set_tls(CURL *easy, const struct cmk_http_settings *s)
{
	int bad = 0;

	SET(PROTOCOLS_STR, "https");
	SET(SSL_VERIFYPEER, 1L);
	SET(SSL_VERIFYHOST, 2L);
	SET(SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	SET(SSL_CTX_FUNCTION, on_ssl_ctx);
	SET(OPENSOCKETFUNCTION, open_any);
	if (s->ca_file && *s->ca_file) {
		SET(CAINFO, s->ca_file);
		/* or the system's folder of certificates counts as well */
		SET(CAPATH, NULL);
	}
	/* "" is not NULL: libcurl then asks the environment for a proxy */
	SET(PROXY, s->proxy ? s->proxy : "");
	SET(NOPROXY, "");
	return bad ? -EIO : 0;
}

static int set_local(CURL *easy)
{
	int bad = 0;

	SET(PROTOCOLS_STR, "http");
	SET(PROXY, "");
	SET(NOPROXY, "*");
	SET(OPENSOCKETFUNCTION, open_near);
	return bad ? -EIO : 0;
}

static long to_ms(uint64_t usec)
{
	return usec < 1000 ? 1 : usec / 1000;
}

static int set_common(struct cmk_http_request *req,
		      const struct cmk_http_call *call)
{
	CURL *easy = req->easy;
	int bad = 0;

	SET(URL, call->url);
	SET(PRIVATE, req);
	SET(HTTPHEADER, req->headers);
	SET(HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	SET(FOLLOWLOCATION, 0L);
	SET(USERAGENT, "cmkd/" CMK_VERSION);
	SET(WRITEFUNCTION, on_body);
	SET(WRITEDATA, req);
	SET(ERRORBUFFER, req->error);
	SET(NOSIGNAL, 1L);
	SET(TCP_KEEPALIVE, 1L);
	/* or the end of a transfer waits for a resolver that hangs */
	SET(QUICK_EXIT, 1L);
	SET(CONNECTTIMEOUT_MS, to_ms(req->http->settings.connect_timeout));
	SET(TIMEOUT_MS, to_ms(call->timeout));
	if (call->body) {
		SET(POST, 1L);
		SET(POSTFIELDSIZE, (long)req->body.len);
		SET(POSTFIELDS, req->body.data);
	}
	return bad ? -EIO : 0;
}

static int add_header(struct cmk_http_request *req, const char *line)
{
	struct curl_slist *list = curl_slist_append(req->headers, line);

	if (!list)
		return -ENOMEM;
	req->headers = list;
	return 0;
}

static int add_bearer(struct cmk_http_request *req,
		      const struct cmk_secret *bearer)
{
	static const char head[] = "Authorization: Bearer ";
	__cmk_secret struct cmk_secret line = CMK_SECRET_INIT;
	size_t n = strlen(head);
	int r;

	r = cmk_secret_alloc(&line, n + bearer->len + 1);
	if (r)
		return r;
	memcpy(line.data, head, n);
	memcpy(line.data + n, bearer->data, bearer->len);
	return add_header(req, (const char *)line.data);
}

static int set_headers(struct cmk_http_request *req,
		       const struct cmk_http_call *call)
{
	char line[256];
	int r, i;

	next_id(req->http, req->answer.client_request_id);
	snprintf(line, sizeof(line), "x-ms-client-request-id: %s",
		 req->answer.client_request_id);
	r = add_header(req, line);
	for (i = 0; !r && call->headers && call->headers[i]; i++)
		r = add_header(req, call->headers[i]);
	if (!r && call->content_type) {
		snprintf(line, sizeof(line), "Content-Type: %s",
			 call->content_type);
		r = add_header(req, line);
	}
	if (!r && call->bearer)
		r = add_bearer(req, call->bearer);
	return r;
}

static int set_up(struct cmk_http_request *req,
		  const struct cmk_http_call *call)
{
	int r;

	req->easy = curl_easy_init();
	if (!req->easy)
		return -ENOMEM;
	r = set_headers(req, call);
	if (r)
		return r;
	r = call->kind == CMK_HTTP_TLS ?
		set_tls(req->easy, &req->http->settings) : set_local(req->easy);
	if (r)
		return r;
	r = set_common(req, call);
	if (r)
		return r;
	if (curl_multi_add_handle(req->http->loop.multi, req->easy))
		return -EIO;
	return 0;
}

int cmk_http_start(struct cmk_http *http, const struct cmk_http_call *call,
		   cmk_http_done_t done, void *userdata,
		   struct cmk_http_request **ret, struct cmk_error *e)
{
	__attribute__((cleanup(request_freep)))
	struct cmk_http_request *req = calloc(1, sizeof(*req));
	int r;

	if (!req) {
		if (call->body)
			cmk_secret_wipe(call->body);
		return cmk_error_set(e, CMK_FAILED, -ENOMEM, "no-memory",
				     "no memory for a request");
	}
	req->http = http;
	req->done = done;
	req->userdata = userdata;
	if (call->body)
		cmk_secret_move(&req->body, call->body);
	r = set_up(req, call);
	if (r)
		return cmk_error_set(e, CMK_FAILED, r, "http",
				     "cannot set up a request to %s: %s",
				     call->url, strerror(-r));
	req->next = http->requests;
	if (req->next)
		req->next->prev = req;
	http->requests = req;
	*ret = req;
	req = NULL;
	return 0;
}

void cmk_http_free(struct cmk_http *http)
{
	if (!http)
		return;
	while (http->requests)
		request_free(http->requests);
	cmk_http_loop_fini(&http->loop);
	free(http);
}

int cmk_http_new(struct cmk_http **ret, sd_event *event,
		 const struct cmk_http_settings *settings,
		 struct cmk_error *e)
{
	struct cmk_http *http = calloc(1, sizeof(*http));
	int r;

	if (!http)
		return cmk_error_set(e, CMK_FAILED, -ENOMEM, "no-memory",
				     "no memory for HTTP");
	http->settings = *settings;
	r = init_id(http);
	if (!r)
		r = cmk_http_loop_init(&http->loop, event,
				       settings->max_per_host, finish);
	if (r < 0) {
		cmk_http_free(http);
		return cmk_error_set(e, CMK_FAILED, r, "http",
				     "cannot start HTTP: %s", strerror(-r));
	}
	*ret = http;
	return 0;
}
