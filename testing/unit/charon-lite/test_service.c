/* What the service manager is told: a socket of the test's stands for systemd's. */
#include "testing/unit/charon-lite/running.h"
#include "testing/unit/charon-lite/suites.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

static struct running r;
static char path[64];
static int manager;

/* The manager's socket, and a daemon that is told of it. */
static void set_up(void)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	const struct timeval patience = { 20, 0 };

	snprintf(path, sizeof(path), "/tmp/charon-lite-notify-%d", getpid());
	memcpy(address.sun_path, path, sizeof(path));
	manager = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	ck_assert_int_ge(manager, 0);
	ck_assert_int_eq(bind(manager, (struct sockaddr *)&address, sizeof(address)), 0);
	ck_assert_int_eq(
		setsockopt(manager, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)), 0);
	setenv("NOTIFY_SOCKET", path, 1);
	setenv("WATCHDOG_USEC", "90000", 1);
	running_start(&r, NULL);
}

static void tear_down(void)
{
	close(manager);
	unlink(path);
	unsetenv("NOTIFY_SOCKET");
	unsetenv("WATCHDOG_USEC");
}

/* Reads what the daemon tells, up to a message that begins like this. */
static void told(const char *text)
{
	char message[512];

	do {
		ssize_t length = recv(manager, message, sizeof(message) - 1, 0);

		ck_assert_msg(length > 0, "the daemon never told '%s'", text);
		message[length] = '\0';
	} while (strncmp(message, text, strlen(text)) != 0);
}

START_TEST(systemd_is_told_from_start_to_end)
{
	told("READY=1");
	told("STATUS=0 IKE SAs (0 half-open), 0 CHILD SAs; --kernel none");
	kill(r.pid, SIGHUP);
	told("RELOADING=1\nMONOTONIC_USEC=");
	told("READY=1");
	kill(r.pid, SIGTERM);
	told("STOPPING=1");
	ck_assert_int_eq(running_stop(&r), 0);
}
END_TEST

/* Again and again, for nothing but the loop. */
START_TEST(the_watchdog_hears_from_the_loop)
{
	for (unsigned i = 0; i < 5; i++)
		told("WATCHDOG=1");
	ck_assert_int_eq(running_stop(&r), 0);
}
END_TEST

/* WATCHDOG_PID names another process: this one was not meant. */
START_TEST(a_watchdog_of_somebody_else_is_left_alone)
{
	char message[512];
	ssize_t length;

	ck_assert_int_eq(running_stop(&r), 0);
	setenv("WATCHDOG_PID", "1", 1);
	running_start(&r, NULL);
	unsetenv("WATCHDOG_PID");
	while (recv(manager, message, sizeof(message), MSG_DONTWAIT) > 0)
		continue; /* of the first daemon, and READY of the second */
	ck_assert_int_eq(running_stop(&r), 0);
	while ((length = recv(manager, message, sizeof(message) - 1, MSG_DONTWAIT)) > 0) {
		message[length] = '\0';
		ck_assert_ptr_null(strstr(message, "WATCHDOG"));
	}
}
END_TEST

TCase *service_cases(void)
{
	TCase *c = tcase_create("service");

	tcase_add_checked_fixture(c, set_up, tear_down);
	tcase_set_timeout(c, 60);
	tcase_add_test(c, systemd_is_told_from_start_to_end);
	tcase_add_test(c, the_watchdog_hears_from_the_loop);
	tcase_add_test(c, a_watchdog_of_somebody_else_is_left_alone);
	return c;
}
