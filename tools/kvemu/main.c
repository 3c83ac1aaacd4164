// SPDX-License-Identifier: GPL-2.0
/*
 * kvemu: an emulator of Azure Key Vault for tests, with the token endpoints
 * that a client needs and switches for everything that can go wrong.
 *
 * The main thread carries out control commands and opens and closes the
 * listeners; requests are answered in threads of the HTTP library under the
 * one lock of the vault.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/signalfd.h>
#include <sys/stat.h>

#include "apps.h"
#include "control.h"
#include "ctl.h"
#include "ctlsock.h"
#include "login.h"
#include "pki.h"
#include "reqlog.h"
#include "route.h"
#include "server.h"
#include "store.h"

#define NAMES_MAX 16

static const char usage[] =
	"usage: kvemu --dir DIR --listen ADDRESS:PORT [OPTION]...\n"
	"       kvemu ctl --dir DIR COMMAND...\n"
	"  --dir DIR         state, ca.pem, requests.log; made if it is not there\n"
	"  --listen A:PORT   HTTPS: vault, directory, control; port 0 is any\n"
	"  --imds A:PORT     HTTP: metadata service that gives out tokens\n"
	"  --name HOST       name or address for the certificate, repeatable\n"
	"  --apps FILE       applications, lines of CLIENT_ID:SECRET\n"
	"  --resource URL    audience of tokens [https://vault.azure.net]\n"
	"  --managed-hsm     behave as a Managed HSM\n"
	"  --help, --version\n";

struct config {
	const char *dir;
	const char *listen;
	const char *imds;
	const char *apps;
	char *names[NAMES_MAX + 3];
	size_t count;
};

/**
 * struct emulator - the running program
 * @v: the vault
 * @pki: certificate of the HTTPS listener
 * @https, @imds: listeners, @imds may be NULL
 * @refuse_until: CLOCK_BOOTTIME when @https listens again, 0 for never
 */
struct emulator {
	struct vault v;
	struct pki pki;
	struct server *https;
	struct server *imds;
	int64_t refuse_until;
};

static int die(const char *what, int err)
{
	fprintf(stderr, "kvemu: %s: %s\n", what, strerror(err < 0 ? -err : err));
	return 1;
}

static void on_https(void *data, struct request *rq, struct reply *rp)
{
	struct vault *v = data;

	if (control_is_path(rq->path))
		control_http(v, rq, rp);
	else if (login_is_directory(rq->path))
		login_directory(v, rq, rp);
	else
		route_vault(v, rq, rp);
}

static void on_imds(void *data, struct request *rq, struct reply *rp)
{
	login_imds(data, rq, rp);
}

/* Makes the HTTPS listener what the switch "refuse" says. */
static int apply_refuse(struct emulator *e)
{
	int refuse;

	vault_lock(&e->v);
	if (e->refuse_until && boottime_us() >= e->refuse_until)
		e->v.sw.refuse = 0;
	refuse = e->v.sw.refuse;
	pthread_mutex_unlock(&e->v.lock);
	if (!refuse) {
		e->refuse_until = 0;
		return server_running(e->https) ? 0 : server_start(e->https);
	}
	if (server_running(e->https)) {
		server_stop(e->https);
		if (refuse > 0)
			e->refuse_until = boottime_us() + refuse * 1000000LL;
	}
	return 0;
}

static void serve_control(struct emulator *e, int sock)
{
	json_auto_t *argv = NULL;
	json_auto_t *answer = NULL;
	_cleanup_(closep) int conn = ctlsock_accept(sock, &argv);

	if (conn < 0)
		return;
	answer = control_run(&e->v, argv);
	/* Whoever switched "refuse" finds it done. */
	apply_refuse(e);
	ctlsock_send(conn, answer);
}

static int timeout_ms(const struct emulator *e)
{
	int64_t left;

	if (!e->refuse_until)
		return -1;
	left = (e->refuse_until - boottime_us()) / 1000 + 1;
	return left > 0 ? (int)left : 0;
}

static int run(struct emulator *e, int signals, int sock)
{
	struct pollfd fds[] = {
		{ .fd = signals, .events = POLLIN },
		{ .fd = sock, .events = POLLIN },
		{ .fd = e->v.wake, .events = POLLIN },
	};
	uint64_t count;
	int ret;

	for (;;) {
		if (poll(fds, ARRAY_SIZE(fds), timeout_ms(e)) < 0 &&
		    errno != EINTR)
			return die("poll", errno);
		if (fds[0].revents)
			return 0;
		if (fds[1].revents)
			serve_control(e, sock);
		if (fds[2].revents &&
		    read(e->v.wake, &count, sizeof(count)) < 0)
			return die("eventfd", errno);
		ret = apply_refuse(e);
		if (ret)
			return die(server_address(e->https), ret);
	}
}

static int block_signals(void)
{
	sigset_t set;

	signal(SIGPIPE, SIG_IGN);
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigprocmask(SIG_BLOCK, &set, NULL);
	return signalfd(-1, &set, SFD_CLOEXEC);
}

/* The folder, open and locked against a second kvemu. */
static int open_dir(const char *path)
{
	int dir;

	if (mkdir(path, 0755) && errno != EEXIST)
		return -errno;
	dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0)
		return -errno;
	if (flock(dir, LOCK_EX | LOCK_NB)) {
		close(dir);
		return -EBUSY;
	}
	return dir;
}

static int start(struct emulator *e, const struct config *cfg)
{
	int ret = pki_open(e->v.dir, cfg->names, &e->pki);

	if (ret)
		return die("ca.pem", ret);
	e->https = server_new(cfg->listen, e->pki.key, e->pki.cert, on_https,
			      &e->v);
	ret = e->https ? server_start(e->https) : -ENOMEM;
	if (ret)
		return die(cfg->listen, ret);
	snprintf(e->v.base, sizeof(e->v.base), "https://%s",
		 server_address(e->https));
	if (!cfg->imds)
		return 0;
	e->imds = server_new(cfg->imds, NULL, NULL, on_imds, &e->v);
	ret = e->imds ? server_start(e->imds) : -ENOMEM;
	return ret ? die(cfg->imds, ret) : 0;
}

static int serve(struct emulator *e, const struct config *cfg)
{
	_cleanup_(closep) int signals = block_signals();
	_cleanup_(closep) int sock = -1;
	int ret = store_load(&e->v);

	if (ret)
		return die("state.json", ret);
	ret = cfg->apps ? apps_load(&e->v, cfg->apps) : 0;
	if (ret)
		return die(cfg->apps, ret);
	ret = reqlog_open(e->v.dir);
	if (ret)
		return die(REQLOG_FILE, ret);
	if (start(e, cfg))
		return 1;
	sock = ctlsock_listen(e->v.dir);
	if (sock < 0)
		return die("ctl.sock", sock);
	printf("kvemu ready %s", e->v.base);
	if (e->imds)
		printf(" imds http://%s", server_address(e->imds));
	printf("\n");
	fflush(stdout);
	return run(e, signals, sock);
}

static int emulate(const struct config *cfg, bool hsm, const char *resource)
{
	struct emulator e = {
		.v = {
			.lock = PTHREAD_MUTEX_INITIALIZER,
			.hsm = hsm,
			.resource = resource,
		},
	};
	int ret;

	e.v.dir = open_dir(cfg->dir);
	if (e.v.dir < 0)
		return die(cfg->dir, e.v.dir);
	e.v.wake = eventfd(0, EFD_CLOEXEC);
	ret = serve(&e, cfg);
	server_freep(&e.https);
	server_freep(&e.imds);
	pki_close(&e.pki);
	while (e.v.keys)
		key_purge(&e.v, e.v.keys);
	identities_free(e.v.identities);
	return ret;
}

static int bad_usage(void)
{
	fputs(usage, stderr);
	return 2;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "dir", required_argument, NULL, 'd' },
		{ "listen", required_argument, NULL, 'l' },
		{ "imds", required_argument, NULL, 'i' },
		{ "name", required_argument, NULL, 'n' },
		{ "apps", required_argument, NULL, 'a' },
		{ "resource", required_argument, NULL, 'r' },
		{ "managed-hsm", no_argument, NULL, 'm' },
		{ "help", no_argument, NULL, 'h' },
		{ "version", no_argument, NULL, 'v' },
		{ NULL }
	};
	struct config cfg = { .names = { "localhost", "127.0.0.1" }, .count = 2 };
	const char *resource = NULL;
	bool hsm = false;
	int opt;

	if (argc > 1 && !strcmp(argv[1], "ctl"))
		return ctl_main(argc - 1, argv + 1);
	while ((opt = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (opt) {
		case 'd':
			cfg.dir = optarg;
			break;
		case 'l':
			cfg.listen = optarg;
			break;
		case 'i':
			cfg.imds = optarg;
			break;
		case 'n':
			if (cfg.count == NAMES_MAX + 2)
				return bad_usage();
			cfg.names[cfg.count++] = optarg;
			break;
		case 'a':
			cfg.apps = optarg;
			break;
		case 'r':
			resource = optarg;
			break;
		case 'm':
			hsm = true;
			break;
		case 'h':
			fputs(usage, stdout);
			return 0;
		case 'v':
			puts("kvemu " CMK_VERSION);
			return 0;
		default:
			return bad_usage();
		}
	}
	if (!cfg.dir || !cfg.listen || optind != argc)
		return bad_usage();
	if (!resource)
		resource = hsm ? "https://managedhsm.azure.net" :
				 "https://vault.azure.net";
	return emulate(&cfg, hsm, resource);
}
