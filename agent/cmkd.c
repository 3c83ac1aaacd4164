// SPDX-License-Identifier: GPL-2.0
/*
 * cmkd(8): the key agent.  This file is the order in which its parts are made
 * and ended, and what signals mean.
 *
 * The end of the agent is no event for the volumes: gates and keys stay as
 * they are and the leases run on, so that an upgrade costs nothing and a
 * crash is covered by the kernel.
 */
#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <syslog.h>
#include <systemd/sd-daemon.h>

#include "audit.h"
#include "config.h"
#include "control.h"
#include "crypto.h"
#include "header-load.h"
#include "helper.h"
#include "link.h"
#include "methods.h"
#include "probe.h"
#include "rekey.h"
#include "rewrap.h"
#include "rotate.h"
#include "state.h"
#include "volume.h"

struct daemon {
	struct cmk_agent agent;
	struct cmk_control *control;
	const char *config_file;
	char socket[PATH_MAX];
	sd_event_source *term, *interrupt, *hup;
};

static void usage(FILE *out)
{
	fputs("usage: cmkd [--config FILE] [--check-config]\n"
	      "       cmkd --help | --version\n\n"
	      "The key agent of encrypted volumes; see cmkd(8).\n\n"
	      "  --config FILE   instead of " CMK_CONFIG_FILE "\n"
	      "  --check-config  read the configuration, say what is wrong, end\n"
	      "  --help          this text\n"
	      "  --version       the version\n", out);
}

/*
 * No page of this process ever waits for a disk, and none of it is in a dump:
 * it may have to take the keys of the very disk that it would wait for.
 */
static int harden(struct cmk_error *e)
{
	static const struct rlimit none = { 0, 0 };

	umask(0077);
	if (prctl(PR_SET_DUMPABLE, 0) || setrlimit(RLIMIT_CORE, &none))
		return cmk_error_set(e, CMK_FAILED, -errno, "harden",
				     "cannot forbid dumps: %m");
	/* What comes later is locked when it is used: stacks are large. */
	if (mlockall(MCL_CURRENT) || mlockall(MCL_FUTURE | MCL_ONFAULT))
		return cmk_error_set(e, CMK_FAILED, -errno, "harden",
				     "cannot lock memory: %m (LimitMEMLOCK=infinity)");
	return 0;
}

/*
 * Nor does what the kernel allocates for this process, a buffer of a socket for
 * one, wait for pages to be written to a volume that waits for this process.
 * Where that right is not given, as in containers, all else goes on.
 */
static void flush_nothing(const struct daemon *d)
{
	if (prctl(PR_SET_IO_FLUSHER, 1, 0, 0, 0))
		cmk_audit_log(d->agent.audit, LOG_WARNING,
			      "no I/O flusher (CAP_SYS_RESOURCE): %m; when memory is short the agent may wait for its own volumes");
}

/* -- signals -- */

static int on_end(sd_event_source *s, const struct signalfd_siginfo *si,
		  void *userdata)
{
	struct daemon *d = userdata;

	sd_notify(0, "STOPPING=1\nSTATUS=Ending; leases run on.");
	cmk_audit_log(d->agent.audit, LOG_NOTICE,
		      "ending; volumes stay as they are until their leases lapse");
	return sd_event_exit(d->agent.event, 0);
}

static int use_keks(struct cmk_agent *a, struct cmk_config *c,
		    struct cmk_error *e)
{
	struct cmk_kek_set *set = NULL, *old = a->keks;
	int r;

	r = cmk_kek_set_new(&set, a->event, &c->kek, e);
	if (r)
		return r;
	a->keks = set;
	cmk_prober_set_keks(a->prober, set);
	cmk_kek_set_free(old);
	return 0;
}

static int reload(struct daemon *d, struct cmk_error *e)
{
	struct cmk_agent *a = &d->agent;
	struct cmk_config *c, *old = a->config;
	int r;

	r = cmk_config_load(&c, d->config_file, e);
	if (r)
		return r;
	if (strcmp(c->state_directory, old->state_directory)) {
		cmk_config_free(c);
		return cmk_error_set(e, CMK_USAGE, -EINVAL, "config",
				     "StateDirectory= cannot change at run time");
	}
	/*
	 * The set of KEK providers borrows its configuration's strings, hence
	 * a new one each time.  What runs on the old one is asked again.
	 */
	a->config = c;
	r = use_keks(a, c, e);
	if (r) {
		a->config = old;
		cmk_config_free(c);
		return r;
	}
	cmk_config_free(old);
	cmk_volumes_reconfigure(a);
	cmk_rotation_reconfigure(a);
	return 0;
}

static int on_hup(sd_event_source *s, const struct signalfd_siginfo *si,
		  void *userdata)
{
	struct cmk_audit_entry en = { .event = CMK_AUDIT_POLICY_CHANGE };
	struct daemon *d = userdata;
	struct cmk_error e;

	sd_notify(0, "RELOADING=1");
	if (reload(d, &e)) {
		en.result = CMK_AUDIT_REFUSED;
		cmk_audit_write(d->agent.audit, &en,
				"the configuration stays as it was: %s",
				e.text);
	} else {
		cmk_audit_write(d->agent.audit, &en,
				"the configuration was read again");
	}
	sd_notify(0, "READY=1");
	return 0;
}

static int add_signals(struct daemon *d)
{
	sd_event *ev = d->agent.event;
	sigset_t set;
	int r;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	sigprocmask(SIG_BLOCK, &set, NULL);
	signal(SIGPIPE, SIG_IGN);
	r = sd_event_add_signal(ev, &d->term, SIGTERM, on_end, d);
	if (r >= 0)
		r = sd_event_add_signal(ev, &d->interrupt, SIGINT, on_end, d);
	if (r >= 0)
		r = sd_event_add_signal(ev, &d->hup, SIGHUP, on_hup, d);
	return r;
}

/* -- the kernel -- */

static void on_resync(void *userdata)
{
	cmk_volumes_resync(userdata);
}

static void on_volume(const unsigned char uuid[16], void *userdata)
{
	cmk_volumes_look(userdata, uuid);
}

static const struct cmk_link_ops link_ops = {
	.resync = on_resync,
	.volume = on_volume,
};

/* -- life -- */

static int make_parts(struct daemon *d, struct cmk_error *e)
{
	struct cmk_agent *a = &d->agent;
	int r;

	a->look_rekey = cmk_rekey_look;
	a->end_rekey = cmk_rekey_end;
	r = sd_event_default(&a->event);
	if (r >= 0)
		r = add_signals(d);
	if (r >= 0)
		r = sd_event_set_watchdog(a->event, true);
	if (r >= 0)
		r = cmk_audit_new(&a->audit, "cmkd",
				  !getenv("INVOCATION_ID"));
	if (r >= 0)
		r = cmk_prober_new(&a->prober, a->event);
	if (r >= 0)
		r = cmk_rotation_new(a);
	if (r >= 0)
		r = cmk_link_new(&a->link, a->event, a->audit, &link_ops, a);
	if (r < 0)
		return cmk_error_set(e, CMK_FAILED, r, "start",
				     "cannot start: %s", strerror(-r));
	r = cmk_state_prepare(a->config->state_directory, e);
	if (!r)
		r = use_keks(a, a->config, e);
	if (!r)
		r = cmk_control_new(&d->control, a->event, d->socket,
				    cmk_methods, a, e);
	return r;
}

static void end_parts(struct daemon *d)
{
	struct cmk_agent *a = &d->agent;

	/* First those who call, then those who are called. */
	cmk_control_free(d->control);
	cmk_volumes_free(a);
	cmk_kek_set_free(a->keks);
	cmk_rewraps_free(a);
	cmk_rekeys_free(a);
	cmk_rotation_free(a);
	cmk_helper_end(a);
	cmk_prober_free(a->prober);
	cmk_link_free(a->link);
	cmk_audit_free(a->audit);
	sd_event_source_disable_unref(d->term);
	sd_event_source_disable_unref(d->interrupt);
	sd_event_source_disable_unref(d->hup);
	sd_event_unref(a->event);
	cmk_config_free(a->config);
}

static int set_paths(struct daemon *d, struct cmk_error *e)
{
	const char *dir = getenv("RUNTIME_DIRECTORY");
	int n;

	if (!dir || !*dir)
		dir = "/run/cmk";
	if (mkdir(dir, 0755) && errno != EEXIST)
		return cmk_error_set(e, CMK_FAILED, -errno, "runtime",
				     "cannot make '%s': %m", dir);
	n = snprintf(d->socket, sizeof(d->socket), "%s/cmkd.sock", dir);
	return n < (int)sizeof(d->socket) ? 0 :
	       cmk_error_set(e, CMK_FAILED, -ENAMETOOLONG, "runtime",
			     "the runtime directory's name is too long");
}

static int run(struct daemon *d)
{
	struct cmk_error e = { .err = 0 };
	int r;

	r = set_paths(d, &e);
	if (!r)
		r = harden(&e);
	if (!r)
		r = make_parts(d, &e);
	if (r) {
		fprintf(stderr, "cmkd: %s\n", e.text);
		end_parts(d);
		return e.status ?: CMK_FAILED;
	}
	cmk_audit_log(d->agent.audit, LOG_INFO, "cmkd %s", CMK_VERSION);
	flush_nothing(d);
	sd_notify(0, "READY=1\nSTATUS=Watching over keys.");
	r = sd_event_loop(d->agent.event);
	end_parts(d);
	return r < 0 ? CMK_FAILED : CMK_OK;
}

static int parse_args(int argc, char **argv, struct daemon *d, bool *check)
{
	static const struct option options[] = {
		{ "config", required_argument, NULL, 'c' },
		{ "check-config", no_argument, NULL, 'k' },
		{ "help", no_argument, NULL, 'h' },
		{ "version", no_argument, NULL, 'V' },
		{ NULL, 0, NULL, 0 },
	};
	int opt;

	while ((opt = getopt_long(argc, argv, "hV", options, NULL)) != -1) {
		switch (opt) {
		case 'c':
			d->config_file = optarg;
			break;
		case 'k':
			*check = true;
			break;
		case 'h':
			usage(stdout);
			exit(CMK_OK);
		case 'V':
			puts("cmkd " CMK_VERSION);
			exit(CMK_OK);
		default:
			usage(stderr);
			return CMK_USAGE;
		}
	}
	if (optind == argc)
		return CMK_OK;
	usage(stderr);
	return CMK_USAGE;
}

int main(int argc, char **argv)
{
	struct daemon d = { .config_file = NULL };
	struct cmk_error e;
	bool check = false;
	int r;

	/* Before anything can use OpenSSL: what it frees, it wipes. */
	if (cmk_crypto_init()) {
		fprintf(stderr, "cmkd: OpenSSL was in use before main()\n");
		return CMK_FAILED;
	}
	/* Not for people: what this program starts, see header-load.c. */
	if (argc == 3 && !strcmp(argv[1], CMK_HEADER_LOAD_OPTION))
		return cmk_header_load_main(argv[2]);
	r = parse_args(argc, argv, &d, &check);
	if (r)
		return r;
	r = cmk_config_load(&d.agent.config, d.config_file, &e);
	/* Not in there: cmkctl(8) reads it too, and has none of all this. */
	if (!r)
		r = cmk_kek_check(&d.agent.config->kek, &e);
	if (r) {
		fprintf(stderr, "cmkd: %s\n", e.text);
		cmk_config_free(d.agent.config);
		return e.status;
	}
	if (!check)
		return run(&d);
	cmk_config_free(d.agent.config);
	return CMK_OK;
}
