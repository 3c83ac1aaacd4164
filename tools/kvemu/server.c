// SPDX-License-Identifier: GPL-2.0
/*
 * The one file that knows libmicrohttpd.  A daemon is thrown away when its
 * listener is to refuse connections, and made anew on the same port after.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <microhttpd.h>
#include <netdb.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdarg.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <time.h>

#include "reqlog.h"
#include "server.h"

#define BODY_MAX (64 * 1024)
#define TLS_PRIORITIES "NORMAL:-VERS-ALL:+VERS-TLS1.2:+VERS-TLS1.3"

/**
 * struct server - see server.h
 * @address: where it listens
 * @key, @cert: PEM or NULL
 * @fn, @data: handler
 * @daemon: libmicrohttpd's part, NULL while stopped; main thread only
 * @lock: guards @stopping
 * @stopped: signalled when @stopping is set
 * @stopping: handlers that sleep must come to an end
 */
struct server {
	char address[128];
	const char *key;
	const char *cert;
	server_fn fn;
	void *data;
	struct MHD_Daemon *daemon;
	pthread_mutex_t lock;
	pthread_cond_t stopped;
	bool stopping;
};

struct transport {
	struct server *server;
	struct MHD_Connection *conn;
	char *body;
	size_t len;
	bool too_long;
};

const char *request_query(const struct request *rq, const char *name)
{
	return MHD_lookup_connection_value(rq->transport->conn,
					   MHD_GET_ARGUMENT_KIND, name);
}

const char *request_header(const struct request *rq, const char *name)
{
	return MHD_lookup_connection_value(rq->transport->conn,
					   MHD_HEADER_KIND, name);
}

char *request_form(const struct request *rq, const char *name)
{
	_cleanup_(freep) char *form = strndup(rq->body, rq->len);
	char *save = NULL;
	char *pair, *p;

	if (!form)
		return NULL;
	for (pair = strtok_r(form, "&", &save); pair;
	     pair = strtok_r(NULL, "&", &save)) {
		char *value = strchr(pair, '=');

		if (!value)
			continue;
		*value++ = '\0';
		MHD_http_unescape(pair);
		if (strcmp(pair, name))
			continue;
		for (p = value; *p; p++) {
			if (*p == '+')
				*p = ' ';
		}
		MHD_http_unescape(value);
		return strdup(value);
	}
	return NULL;
}

void request_sleep(const struct request *rq, int ms)
{
	struct server *s = rq->transport->server;
	struct timespec until;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += ms / 1000;
	until.tv_nsec += ms % 1000 * 1000000L;
	if (until.tv_nsec >= 1000000000L) {
		until.tv_nsec -= 1000000000L;
		until.tv_sec++;
	}
	pthread_mutex_lock(&s->lock);
	while (!s->stopping && pthread_cond_timedwait(&s->stopped, &s->lock,
						      &until) != ETIMEDOUT)
		;
	pthread_mutex_unlock(&s->lock);
}

void reply_header(struct reply *rp, const char *name, const char *fmt, ...)
{
	char *value = NULL;
	va_list ap;

	va_start(ap, fmt);
	if (rp->count < REPLY_HEADERS && vasprintf(&value, fmt, ap) >= 0) {
		rp->names[rp->count] = name;
		rp->values[rp->count++] = value;
	}
	va_end(ap);
}

static void reply_clear(struct reply *rp)
{
	size_t i;

	for (i = 0; i < rp->count; i++)
		free(rp->values[i]);
	json_decref(rp->json);
}

static struct MHD_Response *response_new(const struct reply *rp)
{
	const char *type = "application/json; charset=utf-8";
	struct MHD_Response *rs;
	char *text = NULL;
	size_t len, i;

	if (rp->page) {
		text = strdup(rp->page);
		type = "text/html; charset=utf-8";
	} else {
		text = rp->json ? json_dumps(rp->json, JSON_COMPACT) :
				  strdup("");
	}
	if (!text)
		return NULL;
	len = strlen(text);
	if (rp->truncate)
		len /= 2;
	rs = MHD_create_response_from_buffer(len, text, MHD_RESPMEM_MUST_FREE);
	if (!rs)
		return NULL;
	if (rp->status != MHD_HTTP_NO_CONTENT)
		MHD_add_response_header(rs, "Content-Type", type);
	for (i = 0; i < rp->count; i++)
		MHD_add_response_header(rs, rp->names[i], rp->values[i]);
	return rs;
}

static enum MHD_Result reply_send(struct MHD_Connection *conn,
				  const struct reply *rp)
{
	struct MHD_Response *rs;
	enum MHD_Result ret;

	if (!rp->status)
		return MHD_NO;
	rs = response_new(rp);
	if (!rs)
		return MHD_NO;
	ret = MHD_queue_response(conn, rp->status, rs);
	MHD_destroy_response(rs);
	return ret;
}

static void client_address(struct MHD_Connection *conn, char *buf, size_t size)
{
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(conn,
					MHD_CONNECTION_INFO_CLIENT_ADDRESS);
	const struct sockaddr *sa = info ? info->client_addr : NULL;
	const void *addr;

	snprintf(buf, size, "unknown");
	if (!sa)
		return;
	addr = sa->sa_family == AF_INET ?
		       (void *)&((const struct sockaddr_in *)sa)->sin_addr :
		       (void *)&((const struct sockaddr_in6 *)sa)->sin6_addr;
	inet_ntop(sa->sa_family, addr, buf, size);
}

static enum MHD_Result answer(struct transport *t, const char *method,
			      const char *path)
{
	struct request rq = {
		.method = method,
		.path = path,
		.local = t->server->address,
		.body = t->body ? t->body : "",
		.len = t->len,
		.start_us = boottime_us(),
		.transport = t,
	};
	struct reply rp = { .op = "" };
	enum MHD_Result ret;

	client_address(t->conn, rq.client, sizeof(rq.client));
	uuid_new(rq.id);
	if (t->too_long)
		rp.status = MHD_HTTP_CONTENT_TOO_LARGE;
	else
		t->server->fn(t->server->data, &rq, &rp);
	/* Before the answer, so that whoever got it finds it in the log. */
	reqlog_write(&rq, &rp);
	ret = reply_send(t->conn, &rp);
	reply_clear(&rp);
	return ret;
}

static bool body_add(struct transport *t, const char *data, size_t len)
{
	char *body;

	if (t->too_long || t->len + len > BODY_MAX) {
		t->too_long = true;
		return true;
	}
	body = realloc(t->body, t->len + len + 1);
	if (!body)
		return false;
	memcpy(body + t->len, data, len);
	t->len += len;
	body[t->len] = '\0';
	t->body = body;
	return true;
}

static enum MHD_Result on_request(void *data, struct MHD_Connection *conn,
				  const char *path, const char *method,
				  const char *version, const char *upload,
				  size_t *upload_len, void **state)
{
	struct transport *t = *state;

	if (!t) {
		t = calloc(1, sizeof(*t));
		if (!t)
			return MHD_NO;
		t->server = data;
		t->conn = conn;
		*state = t;
		return MHD_YES;
	}
	if (*upload_len) {
		if (!body_add(t, upload, *upload_len))
			return MHD_NO;
		*upload_len = 0;
		return MHD_YES;
	}
	return answer(t, method, path);
}

static void on_completed(void *data, struct MHD_Connection *conn, void **state,
			 enum MHD_RequestTerminationCode why)
{
	struct transport *t = *state;

	if (!t)
		return;
	/* It may have held a plaintext key or a client secret. */
	if (t->body)
		explicit_bzero(t->body, t->len);
	free(t->body);
	free(t);
	*state = NULL;
}

static int address_resolve(const char *text, struct addrinfo **ret)
{
	struct addrinfo hints = {
		.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE,
		.ai_socktype = SOCK_STREAM,
	};
	const char *port = strrchr(text, ':');
	char host[128];
	size_t len;

	if (!port)
		return -EINVAL;
	len = port++ - text;
	if (len > 1 && text[0] == '[' && text[len - 1] == ']') {
		text++;
		len -= 2;
	}
	if (!len || len >= sizeof(host))
		return -EINVAL;
	snprintf(host, sizeof(host), "%.*s", (int)len, text);
	return getaddrinfo(host, port, &hints, ret) ? -EINVAL : 0;
}

/* Writes the port that was chosen into the address. */
static void address_note(struct server *s, int fd)
{
	struct sockaddr_storage ss;
	socklen_t len = sizeof(ss);
	unsigned int port = 0;
	char *colon = strrchr(s->address, ':');

	if (getsockname(fd, (struct sockaddr *)&ss, &len))
		return;
	if (ss.ss_family == AF_INET)
		port = ntohs(((struct sockaddr_in *)&ss)->sin_port);
	else
		port = ntohs(((struct sockaddr_in6 *)&ss)->sin6_port);
	snprintf(colon, sizeof(s->address) - (colon - s->address), ":%u", port);
}

static int bind_socket(struct server *s)
{
	struct addrinfo *ai = NULL;
	int fd, one = 1;
	int ret = address_resolve(s->address, &ai);

	if (ret)
		return ret;
	fd = socket(ai->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0 ||
	    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) ||
	    bind(fd, ai->ai_addr, ai->ai_addrlen) || listen(fd, 128)) {
		ret = -errno;
		if (fd >= 0)
			close(fd);
		fd = ret;
	} else {
		address_note(s, fd);
	}
	freeaddrinfo(ai);
	return fd;
}

static struct MHD_Daemon *daemon_start(struct server *s, int fd)
{
	unsigned int flags = MHD_USE_POLL_INTERNAL_THREAD |
			     MHD_USE_THREAD_PER_CONNECTION | MHD_USE_ITC |
			     MHD_USE_SUPPRESS_DATE_NO_CLOCK;
	struct MHD_OptionItem plain[] = { { MHD_OPTION_END, 0, NULL } };
	struct MHD_OptionItem tls[] = {
		{ MHD_OPTION_HTTPS_MEM_KEY, 0, (void *)s->key },
		{ MHD_OPTION_HTTPS_MEM_CERT, 0, (void *)s->cert },
		{ MHD_OPTION_HTTPS_PRIORITIES, 0, (void *)TLS_PRIORITIES },
		{ MHD_OPTION_END, 0, NULL }
	};

	return MHD_start_daemon(s->key ? flags | MHD_USE_TLS : flags, 0, NULL,
				NULL, on_request, s,
				MHD_OPTION_LISTEN_SOCKET, fd,
				MHD_OPTION_NOTIFY_COMPLETED, on_completed, NULL,
				MHD_OPTION_CONNECTION_TIMEOUT, 120u,
				MHD_OPTION_CONNECTION_LIMIT, 512u,
				MHD_OPTION_THREAD_STACK_SIZE,
				(size_t)256 * 1024,
				MHD_OPTION_ARRAY, s->key ? tls : plain,
				MHD_OPTION_END);
}

struct server *server_new(const char *address, const char *key,
			  const char *cert, server_fn fn, void *data)
{
	struct server *s = calloc(1, sizeof(*s));
	pthread_condattr_t attr;

	if (!s)
		return NULL;
	snprintf(s->address, sizeof(s->address), "%s", address);
	s->key = key;
	s->cert = cert;
	s->fn = fn;
	s->data = data;
	pthread_mutex_init(&s->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&s->stopped, &attr);
	pthread_condattr_destroy(&attr);
	return s;
}

int server_start(struct server *s)
{
	int fd = bind_socket(s);

	if (fd < 0)
		return fd;
	s->stopping = false;
	s->daemon = daemon_start(s, fd);
	if (s->daemon)
		return 0;
	close(fd);
	return -EIO;
}

void server_stop(struct server *s)
{
	if (!s->daemon)
		return;
	pthread_mutex_lock(&s->lock);
	s->stopping = true;
	pthread_cond_broadcast(&s->stopped);
	pthread_mutex_unlock(&s->lock);
	MHD_stop_daemon(s->daemon);
	s->daemon = NULL;
}

bool server_running(const struct server *s)
{
	return s->daemon;
}

const char *server_address(const struct server *s)
{
	return s->address;
}

void server_freep(struct server **s)
{
	if (!*s)
		return;
	server_stop(*s);
	pthread_cond_destroy(&(*s)->stopped);
	pthread_mutex_destroy(&(*s)->lock);
	free(*s);
}
