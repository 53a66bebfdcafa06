/*
 * The network around the daemon on a real kernel: look-ups, changes, routes of tunnels. Not a meson
 * test: it takes root, or a user namespace. It makes a network namespace for itself, so the
 * machine's own kernel will do:
 *
 *   unshare -Ur build/testing/unit/charon-lite/network-check
 *
 *   testing/lab/boot build/testing/unit/charon-lite/network-check
 */
#include "charon-lite/network_priv.h"

#include "charon-lite/rules.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fib_rules.h>
#include <linux/rtnetlink.h>
#include <netlink/socket.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

static unsigned failures;

static void must(bool ok, const char *what)
{
	if (ok)
		return;
	printf("failed %s: %s\n", what, strerror(errno));
	exit(1);
}

static void check(bool ok, const char *name)
{
	printf("%s %s\n", ok ? "passed" : "failed", name);
	fflush(stdout);
	failures += !ok;
}

static void command(const char *text)
{
	must(system(text) == 0, text);
}

/* What the command prints, without its last line feed, is this. */
static void check_output(const char *shell, const char *expected, const char *name)
{
	char text[2048];
	FILE *from = popen(shell, "r");

	must(from != NULL, shell);
	size_t length = fread(text, 1, sizeof(text) - 1, from);
	text[length] = '\0';
	pclose(from);
	if (length > 0)
		text[length - 1] = '\0';
	check(strcmp(text, expected) == 0, name);
	if (strcmp(text, expected) != 0)
		printf("# %s\n# says: %s\n# not:  %s\n", shell, text, expected);
}

/* ip's own way of padding lines goes */
#define TABLE_220 "ip route show table 220 2>/dev/null | sed 's/ *$//'"
#define TABLE_220_IPV6 "ip -6 route show table 220 2>/dev/null | sed 's/ *$//'"
#define RULES "ip rule | grep -v -E '^(0|32766|32767):' | tr '\\t' ' '"

static struct address host(const char *text)
{
	struct address result = { 0 };

	must(address_parse(text, &result), text);
	return result;
}

/* ---- A daemon's network ---- */

static struct event_base *base;
static struct cl_network *network;
static struct address peers[2];
static unsigned changes;

static void changed(void *context)
{
	(void)context;
	changes++;
}

static void name_peers(void *context, struct cl_network *n)
{
	(void)context;
	for (size_t i = 0; i < 2; i++)
		cl_network_watch(n, &peers[i]);
}

static void network_start(const struct cl_network_settings *settings)
{
	const struct cl_network_events events = { NULL, changed, name_peers };
	static struct cl_log *log;
	struct why why;

	if (!log)
		log = cl_log_new();
	must(log && cl_network_open(base, settings, &events, true, log, &network, &why),
		"opening the network");
}

/* Runs the loop for so long, which is several times what changes take to be told. */
static void run(unsigned milliseconds)
{
	const struct timeval wait = { milliseconds / 1000, milliseconds % 1000 * 1000 };

	event_base_loopexit(base, &wait);
	event_base_dispatch(base);
}

static bool source_is(const char *peer, const char *expected)
{
	const struct address to = host(peer);
	struct address source;
	char text[ADDRESS_TEXT_MAX] = "none";

	if (cl_network_source_address(network, &to, &source))
		address_format(&source, text);
	if (strcmp(text, expected) != 0)
		printf("# to %s from %s, not %s\n", peer, text, expected);
	return strcmp(text, expected) == 0;
}

static struct ike_kernel_policies child(
	struct ike_selector *local, struct ike_selector *remote, const char *from, const char *to)
{
	struct ike_kernel_policies policies = {
		.kind = IKE_POLICY_CHILD,
		.mode = IKE_MODE_TUNNEL,
		.local = host("198.51.100.1"),
		.remote = host("203.0.113.1"),
		.local_selectors = local,
		.remote_selectors = remote,
		.local_count = 1,
		.remote_count = 1,
	};
	struct why why;

	must(ike_selector_parse(from, local, &why) && ike_selector_parse(to, remote, &why), to);
	return policies;
}

/* ---- The checks ---- */

static void check_has_route(void)
{
	const struct address ours = host("198.51.100.1"), lost = host("198.51.100.77");
	const struct address unreachable = host("192.0.2.1");

	check(cl_network_has_route(network, &ours, &peers[0]), "there is a route from ours");
	check(!cl_network_has_route(network, &lost, &peers[0]), "none from what is not ours");
	check(!cl_network_has_route(network, &ours, &unreachable), "none to what has none");
	command("ip rule add from 198.51.100.2 lookup 99 priority 99;"
		"ip route add unreachable default table 99");
	const struct address second = host("198.51.100.2");
	check(!cl_network_has_route(network, &second, &peers[0]), "rules are heeded");
	command("ip rule del priority 99; ip route flush table 99");
}

static void check_look_ups(struct cl_network_settings *settings)
{
	struct address list[8];

	check(source_is("203.0.113.1", "198.51.100.1"), "a peer's route has its source address");
	check(source_is("2001:db8:2::1", "2001:db8:1::1"), "an IPv6 peer's, too");
	check(source_is("192.0.2.1", "none"), "no route, no source");
	check(cl_network_local_addresses(network, 0, list, 8) == 5,
		"five addresses can be reached: neither loopback nor link-local ones");
	check(cl_network_local_addresses(network, AF_INET6, list, 8) == 2, "two of them are IPv6");
	settings->interfaces_ignore = "wan";
	must(cl_network_reload(network, settings), "settings");
	check(source_is("203.0.113.1", "none"), "a route through an ignored interface is none");
	check(cl_network_local_addresses(network, 0, list, 8) == 2,
		"addresses of ignored interfaces are left out");
	settings->interfaces_ignore = NULL;
	must(cl_network_reload(network, settings), "settings");
}

static bool gateway_is(const char *peer, const char *expected)
{
	const struct address to = host(peer), gateway = host(expected);
	struct cl_next_hop hop;

	return cl_network_next_hop(network, &to, NULL, &hop) &&
	       address_equal(&hop.gateway, &gateway);
}

static void check_ignored_tables(struct cl_network_settings *settings)
{
	command("ip route add default via 198.51.100.7 table 5;"
		"ip route add default via 198.51.100.8 table 100000;"
		"ip rule add to 203.0.113.0/24 lookup 5 priority 50;"
		"ip rule add to 203.0.113.0/24 lookup 100000 priority 51");
	check(gateway_is("203.0.113.1", "198.51.100.7"), "policy routing counts");
	settings->ignored_tables[0] = 5;
	settings->ignored_table_count = 1;
	must(cl_network_reload(network, settings), "settings");
	check(gateway_is("203.0.113.1", "198.51.100.8"), "but not through an ignored table");
	settings->ignored_tables[1] = 100000;
	settings->ignored_table_count = 2;
	must(cl_network_reload(network, settings), "settings");
	check(gateway_is("203.0.113.1", "198.51.100.254"), "nor through two of them");
	settings->ignored_table_count = 0;
	must(cl_network_reload(network, settings), "settings");
	command("ip rule delete priority 50; ip rule delete priority 51;"
		"ip route flush table 5; ip route flush table 100000");
	check_output(RULES, "", "no rule of a look-up is left");
}

static void check_routes(void)
{
	struct ike_selector locals[4], remotes[4];
	struct ike_kernel_policies net =
		child(&locals[0], &remotes[0], "10.1.0.0/16", "10.2.0.0/16");
	struct ike_kernel_policies full =
		child(&locals[1], &remotes[1], "10.1.0.0/16", "0.0.0.0/0");
	struct ike_kernel_policies foreign =
		child(&locals[2], &remotes[2], "10.9.0.0/16", "10.3.0.0/16");
	struct ike_kernel_policies pass =
		child(&locals[3], &remotes[3], "10.1.0.0/16", "10.4.0.0/16");

	cl_network_routes_add(network, &net);
	check_output(RULES, "220: from all lookup 220", "the rule comes with the first route");
	check_output(TABLE_220, "10.2.0.0/16 via 198.51.100.254 dev wan proto static src 10.1.0.1",
		"a tunnel's route is strongSwan's");
	cl_network_routes_add(network, &net);
	cl_network_routes_remove(network, &net);
	check_output(TABLE_220, "10.2.0.0/16 via 198.51.100.254 dev wan proto static src 10.1.0.1",
		"a route stays while anyone needs it");
	cl_network_routes_add(network, &foreign);
	cl_network_routes_add(network, &full);
	check_output(TABLE_220 " | grep -v 10.2",
		"default via 198.51.100.254 dev wan proto static src 10.1.0.1",
		"no route without an address of ours in the local selector");
	check(source_is("203.0.113.1", "198.51.100.1"),
		"the way to a peer does not lead through its own tunnel");
	check_output(RULES, "220: from all lookup 220", "looking past the table leaves no rule");
	cl_network_routes_remove(network, &full);
	cl_network_routes_remove(network, &foreign);
	pass.kind = IKE_POLICY_SHUNT;
	pass.mode = IKE_MODE_PASS;
	cl_network_routes_add(network, &pass);
	check_output(TABLE_220 " | grep -v 10.2", "throw 10.4.0.0/16 proto static",
		"a pass policy leads out of the table");
	cl_network_routes_remove(network, &pass);
	cl_network_routes_remove(network, &net);
	check_output(TABLE_220, "", "no route is left");
	check_output(RULES, "", "the rule goes with the last route");
}

static void check_routes_ipv6(void)
{
	struct ike_selector locals[2], remotes[2];
	struct ike_kernel_policies net = child(&locals[0], &remotes[0], "fd01::/64", "fd02::/64");
	struct ike_kernel_policies full = child(&locals[1], &remotes[1], "fd01::/64", "::/0");

	net.local = full.local = host("2001:db8:1::1");
	net.remote = full.remote = host("2001:db8:2::1");
	cl_network_routes_add(network, &net);
	check_output(TABLE_220_IPV6,
		"fd02::/64 via 2001:db8:1::fe dev wan proto static src fd01::1 metric 1024 pref "
		"medium",
		"an IPv6 tunnel's route");
	check_output("ip -6 rule | grep -c 'lookup 220'", "1", "and its rule");
	check_output(RULES, "", "IPv4 has none for that");
	cl_network_routes_add(network, &full);
	check(source_is("2001:db8:2::1", "2001:db8:1::1"),
		"the way to an IPv6 peer does not lead through its own tunnel");
	cl_network_routes_remove(network, &net);
	cl_network_routes_remove(network, &full);
	check_output(TABLE_220_IPV6, "", "no IPv6 route is left");
	check_output("ip -6 rule | grep -v -E '^(0|32766):'", "", "nor a rule");
}

static void check_changes(void)
{
	struct ike_selector local, remote;
	struct ike_kernel_policies net = child(&local, &remote, "10.1.0.0/16", "10.2.0.0/16");

	run(400);
	changes = 0;
	command("ip address add 192.0.2.9/32 dev lan; ip address add 192.0.2.10/32 dev lan");
	run(400);
	check(changes == 1, "two new addresses are one change");
	run(400); /* the filter has followed the peers by now */
	changes = 0;
	uint64_t messages = network->listener.messages;
	command("for i in $(seq 0 255); do for j in 0 1 2 3; do echo route add "
		"172.16.$i.$((j * 64))/26 via 198.51.100.253; done; done | ip -batch -");
	run(400);
	check(changes == 0 && network->listener.messages == messages,
		"1024 routes that lead to no peer do not wake us");
	cl_network_routes_add(network, &net);
	command("ip route add 203.0.113.0/24 via 198.51.100.253");
	run(400);
	check(changes == 1, "a route that leads to a peer is a change");
	check_output(TABLE_220, "10.2.0.0/16 via 198.51.100.253 dev wan proto static src 10.1.0.1",
		"the tunnel's route follows");
	command("ip link set wan down");
	run(400);
	check_output(TABLE_220, "", "it goes with its link");
	check_output(RULES, "", "so does the rule");
	command("ip link set wan up; ip route add default via 198.51.100.254");
	run(400);
	check_output(TABLE_220, "10.2.0.0/16 via 198.51.100.254 dev wan proto static src 10.1.0.1",
		"and comes back with it");
	cl_network_routes_remove(network, &net);
}

static void check_reload(struct cl_network_settings *settings)
{
	struct ike_selector local, remote;
	struct ike_kernel_policies net = child(&local, &remote, "10.1.0.0/16", "10.2.0.0/16");

	cl_network_routes_add(network, &net);
	run(400);
	changes = 0;
	settings->route_mtu = 1400;
	settings->route_mss = 1360;
	must(cl_network_reload(network, settings), "settings");
	run(400);
	check(changes == 1, "other settings are a change");
	check_output(TABLE_220,
		"10.2.0.0/16 via 198.51.100.254 dev wan proto static src 10.1.0.1 mtu 1400 advmss "
		"1360",
		"routes follow them");
	must(cl_network_reload(network, settings), "settings");
	run(400);
	check(changes == 1, "the same settings are none");
	settings->interfaces_ignore = "wan";
	must(cl_network_reload(network, settings), "settings");
	run(400);
	check_output(TABLE_220, "", "no route through an ignored interface");
	settings->interfaces_ignore = NULL;
	settings->route_mtu = settings->route_mss = 0;
	must(cl_network_reload(network, settings), "settings");
	cl_network_routes_remove(network, &net);
}

static void check_overrun(void)
{
	const int little = 1;
	int fd = nl_socket_get_fd(network->listener.sock);

	run(400);
	must(setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &little, sizeof(little)) == 0, "SO_RCVBUF");
	changes = 0;
	uint64_t messages = network->listener.messages;
	command("for i in $(seq 1 200); do echo address add 192.0.2.1$((i % 90 + 10))/$((i / 90 + "
		"28)) "
		"dev lan; done | ip -batch -");
	run(400);
	check(network->listener.messages - messages < 200, "messages were lost");
	check(changes == 1, "what was lost is a change");
	changes = 0;
	command("ip address add 192.0.2.11/32 dev lan");
	run(400);
	check(changes == 1, "changes after that are heard of");
}

/* What is installed follows the settings, and who wants it is known all the time. */
static void check_install_routes(struct cl_network_settings *settings)
{
	struct ike_selector locals[2], remotes[2];
	struct ike_kernel_policies net =
		child(&locals[0], &remotes[0], "10.1.0.0/16", "10.2.0.0/16");
	struct ike_kernel_policies with_id =
		child(&locals[1], &remotes[1], "10.1.0.0/16", "10.3.0.0/16");

	with_id.if_id_out = 7;
	settings->install_routes = false;
	must(cl_network_reload(network, settings), "settings");
	cl_network_routes_add(network, &net);
	cl_network_routes_add(network, &with_id);
	run(400);
	check_output(TABLE_220, "", "install_routes = no: no route");
	settings->install_routes = true;
	must(cl_network_reload(network, settings), "settings");
	run(400);
	check_output(TABLE_220, "10.2.0.0/16 via 198.51.100.254 dev wan proto static src 10.1.0.1",
		"changed to yes, a tunnel that is up gets its route; one with an interface id "
		"none");
	cl_network_routes_add(network, &net);
	cl_network_routes_remove(network, &net);
	check_output(TABLE_220, "10.2.0.0/16 via 198.51.100.254 dev wan proto static src 10.1.0.1",
		"the route stays when a child from before the change is replaced");
	settings->install_routes_xfrmi = true;
	must(cl_network_reload(network, settings), "settings");
	run(400);
	check_output(
		TABLE_220 " | grep -c '^10.3'", "1", "install_routes_xfrmi = yes: it gets one");
	settings->install_routes_xfrmi = settings->install_routes = false;
	must(cl_network_reload(network, settings), "settings");
	run(400);
	check_output(TABLE_220, "", "changed to no, they go");
	settings->install_routes = true;
	must(cl_network_reload(network, settings), "settings");
	cl_network_routes_remove(network, &net);
	cl_network_routes_remove(network, &with_id);
	run(400);
	check_output(TABLE_220, "", "none is left");
}

static void check_process_route(struct cl_network_settings *settings)
{
	settings->process_route = false;
	must(cl_network_reload(network, settings), "settings");
	run(400);
	changes = 0;
	command("ip route add 203.0.113.0/25 via 198.51.100.253");
	run(400);
	check(changes == 0, "process_route = no: a route that leads to a peer is no change");
	settings->process_route = true;
	must(cl_network_reload(network, settings), "settings");
	run(400);
	command("ip route delete 203.0.113.0/25");
	run(400);
	check(changes == 1, "changed to yes, it is one");
}

/* More than one read takes in, and nothing else changes. */
static void check_long_message(void)
{
	command("ip link add far type veth peer name far2;"
		"for i in far far2; do ip link set $i addrgenmode none up; for j in $(seq 1 140); "
		"do printf 'link property add dev %s altname %s%0120d\\n' $i $i $j; done; done | "
		"ip -batch -");
	run(400);
	changes = 0;
	command("ip link set far down");
	run(400);
	check(changes > 0, "a link that has a great many names is heard of");
	command("ip link delete far");
}

/* Routes of tunnels beside those of others. */
#define MAIN_NET "ip route show 10.2.0.0/16 | sed 's/ *$//'"

static void check_main_table(struct cl_network_settings *settings)
{
	struct ike_selector local, remote;
	struct ike_kernel_policies net = child(&local, &remote, "10.1.0.0/16", "10.2.0.0/16");

	settings->routing_table = RT_TABLE_MAIN;
	network_start(settings);
	cl_network_watch(network, &peers[0]);
	cl_network_routes_add(network, &net);
	check_output(MAIN_NET, "10.2.0.0/16 via 198.51.100.254 dev wan proto static src 10.1.0.1",
		"a route in the main table");
	check_output(RULES, "", "takes no rule");
	run(400);
	changes = 0;
	command("ip route add 203.0.113.0/25 via 198.51.100.253");
	run(400);
	check(changes == 1, "changes of the main table count although it has our routes, too");
	check_output(MAIN_NET, "10.2.0.0/16 via 198.51.100.253 dev wan proto static src 10.1.0.1",
		"the tunnel's route follows");
	command("ip route delete 203.0.113.0/25; ip route delete 10.2.0.0/16;"
		"ip route add 10.2.0.0/16 via 198.51.100.252 proto static metric 100");
	cl_network_routes_remove(network, &net);
	check_output(MAIN_NET, "10.2.0.0/16 via 198.51.100.252 dev wan proto static metric 100",
		"another's route to the same destination stays when ours is gone already");
	command("ip route delete 10.2.0.0/16");
	cl_network_close(network);
	settings->routing_table = 0;
	network_start(settings);
	cl_network_routes_add(network, &net);
	check_output(RULES, "", "table 0 is the main table");
	cl_network_close(network);
	check_output(MAIN_NET, "", "and none of ours is left there");
	cl_network_settings_default(settings);
}

/* Both rules of a look-up, as they stand while the kernel is asked; another's stays. */
static void check_left_rules(const struct cl_network_settings *settings)
{
	const struct cl_rule behind = {
		.family = AF_INET, .action = FR_ACT_NOP, .priority = 221, .mark = 0x20000000
	};
	const struct cl_rule before = {
		.family = AF_INET,
		.action = FR_ACT_GOTO,
		.priority = 219,
		.target = 221,
		.mark = 0x20000000,
	};

	network_start(settings);
	must(cl_rule_add(network->requests, &behind) == 0 &&
			cl_rule_add(network->requests, &before) == 0,
		"rules");
	cl_network_close(network);
	command("ip rule add fwmark 0x20000000 goto 221 priority 218");
	check_output(RULES " | wc -l", "3", "a daemon is killed during a look-up");
	network_start(settings);
	check_output(RULES " | cut -d : -f 1", "218", "the next removes its rules, no others");
	command("ip rule delete priority 218");
	cl_network_close(network);
}

/* ---- Virtual addresses ---- */

#define ON_WAN "ip -o address show dev wan | grep -c 10.3.0.1/32"
#define ON_LAN "ip -o address show dev lan | grep -c 10.3.0.1/32"

static void install(const char *virtual, const char *local, const char *name)
{
	const struct address a = host(virtual), from = host(local);
	struct why why = { "" };

	check(cl_network_address_install(network, &a, &from, &why), name);
}

static void uninstall(const char *virtual)
{
	const struct address a = host(virtual);

	cl_network_address_remove(network, &a);
}

static void check_virtual(struct cl_network_settings *settings)
{
	struct ike_selector local, remote;
	struct ike_kernel_policies net = child(&local, &remote, "10.3.0.1/32", "10.2.0.0/16");
	struct address list[8];
	struct why why;

	/* IPv6 went when the link was down */
	command("ip route flush table 220; ip address add 2001:db8:1::1/64 dev wan nodad;"
		"ip route add 2001:db8:2::/48 via 2001:db8:1::fe");
	network_start(settings);
	size_t before = cl_network_local_addresses(network, 0, list, 8);
	install("10.3.0.1", "198.51.100.1", "a virtual address is installed");
	check_output(ON_WAN, "1", "on the interface that leads to the peer");
	install("10.3.0.1", "198.51.100.1", "twice");
	install("fd03::1", "2001:db8:1::1", "an IPv6 one, too");
	check_output("ip -o -6 address show dev wan | grep fd03::1/128 | grep -c deprecated", "1",
		"which nothing leaves from by itself");
	check(source_is("2001:db8:2::1", "2001:db8:1::1"), "not to the peer either");
	check(cl_network_local_addresses(network, 0, list, 8) == before,
		"peers are not told of them");
	cl_network_routes_add(network, &net);
	check_output(TABLE_220, "10.2.0.0/16 via 198.51.100.254 dev wan proto static src 10.3.0.1",
		"the tunnel's route has it as its source");
	cl_network_routes_remove(network, &net);
	run(400);
	command("ip address del 10.3.0.1/32 dev wan");
	run(400);
	check_output(ON_WAN, "1", "who takes it away finds it there again");
	uninstall("10.3.0.1");
	check_output(ON_WAN, "1", "it stays as long as somebody has it");
	uninstall("10.3.0.1");
	check_output(ON_WAN, "0", "and goes then");
	command("ip address add 10.3.0.1/32 dev lan");
	install("10.3.0.1", "198.51.100.1", "one that the host has anyway is used");
	uninstall("10.3.0.1");
	check_output(ON_LAN, "1", "and stays");
	command("ip address del 10.3.0.1/32 dev lan");
	settings->install_virtual_ip_on = "lan";
	must(cl_network_reload(network, settings), "settings");
	install("10.3.0.1", "198.51.100.1", "install_virtual_ip_on");
	check_output(ON_LAN, "1", "names the interface");
	uninstall("10.3.0.1");
	settings->install_virtual_ip_on = "nowhere";
	must(cl_network_reload(network, settings), "settings");
	const struct address a = host("10.3.0.1"), from = host("198.51.100.1");
	check(!cl_network_address_install(network, &a, &from, &why), "which has to be there");
	settings->install_virtual_ip_on = NULL;
	settings->install_virtual_ip = false;
	must(cl_network_reload(network, settings), "settings");
	install("10.3.0.1", "198.51.100.1", "install_virtual_ip = no");
	check_output(ON_WAN, "0", "installs nothing");
	uninstall("10.3.0.1");
	cl_network_close(network);
	check_output("ip -o -6 address show dev wan | grep -c fd03::1", "0",
		"at the end none of ours is left");
	settings->install_virtual_ip = true;
}

#define REMAKE(interface, addresses)                                                               \
	"ip link del " interface "; ip link add " interface " type veth peer name " interface "2;" \
	" i"                                                                                       \
	"p "                                                                                       \
	"li"                                                                                       \
	"nk"                                                                                       \
	" s"                                                                                       \
	"et"                                                                                       \
	" " interface "2 up; ip link set " interface " up" addresses

/* As with PPPoE, or a modem: the same name, another index. */
static void check_remade(struct cl_network_settings *settings)
{
	network_start(settings);
	command(REMAKE("lan", "; ip address add 198.18.0.1/24 dev lan"));
	run(400);
	install("10.3.0.1", "198.18.0.1", "a virtual address on an interface");
	command(REMAKE("lan", ""));
	run(400);
	check_output(ON_LAN, "0", "that goes");
	command("ip address add 198.18.0.1/24 dev lan");
	run(400);
	check_output(ON_LAN, "1", "is back with the interface and its address");
	const struct address a = host("10.3.0.1"), wan = host("198.51.100.1");
	cl_network_address_follow(network, &a, &wan);
	command(REMAKE("lan", ""));
	run(400);
	check_output(ON_WAN, "1", "or on that where the IKE SA is by then");
	uninstall("10.3.0.1");
	check_output(ON_WAN, "0", "and goes with its IKE SA");
	cl_network_close(network);

	settings->install_virtual_ip_on = "lan";
	network_start(settings);
	install("10.3.0.1", "198.51.100.1", "install_virtual_ip_on");
	command(REMAKE("lan", ""));
	run(400);
	check_output(ON_LAN, "1", "an interface of that name that was made anew");
	cl_network_close(network);
	settings->install_virtual_ip_on = NULL;
}

/* A daemon that dies leaves them; the next knows them by their mark. */
static void check_left_virtual(const struct cl_network_settings *settings)
{
	pid_t pid = fork();

	if (pid == 0) {
		network_start(settings);
		install("10.3.0.1", "198.51.100.1", "a daemon that is about to die");
		install("10.3.0.2", "198.51.100.1", "has two");
		_exit(0);
	}
	must(pid > 0 && waitpid(pid, NULL, 0) == pid, "fork");
	command("ip address add 10.3.0.3/32 dev wan");
	network_start(settings);
	check_output(ON_WAN, "1", "they stay at first");
	install("10.3.0.1", "198.51.100.1", "one is wanted again");
	uninstall("10.3.0.1");
	check_output(ON_WAN, "0", "and is ours");
	cl_network_close(network);
	check_output("ip -o address show dev wan | grep -c 10.3.0.", "1", "that of others stays");
	command("ip address del 10.3.0.3/32 dev wan");
}

/* A daemon that dies leaves its routes; the next takes them over. */
static void check_leftovers(const struct cl_network_settings *settings)
{
	struct ike_selector locals[2], remotes[2];
	struct ike_kernel_policies net =
		child(&locals[0], &remotes[0], "10.1.0.0/16", "10.2.0.0/16");
	struct ike_kernel_policies other =
		child(&locals[1], &remotes[1], "10.1.0.0/16", "10.3.0.0/16");
	pid_t pid = fork();

	if (pid == 0) {
		network_start(settings);
		cl_network_routes_add(network, &net);
		cl_network_routes_add(network, &other);
		_exit(0);
	}
	must(pid > 0 && waitpid(pid, NULL, 0) == pid, "fork");
	command("ip route add 10.77.0.0/16 dev wan table 220");
	network_start(settings);
	cl_network_routes_add(network, &net);
	check_output(TABLE_220 " | wc -l", "3", "what an earlier daemon left stays at first");
	cl_network_routes_remove(network, &net);
	check_output(TABLE_220 " | grep -c '^10.2'", "0", "it is ours when it is wanted again");
	cl_network_close(network);
	check_output(TABLE_220, "10.77.0.0/16 dev wan scope link", "no route of others goes");
	check_output(RULES, "", "nor is the rule left");
}

int main(void)
{
	struct cl_network_settings settings;

	/* where IPv6 is a module this brings it */
	close(socket(AF_INET6, SOCK_DGRAM, 0));
	must(unshare(CLONE_NEWNET) == 0, "a network namespace (root?)");
	command("echo 0 >/proc/sys/net/ipv6/conf/default/accept_dad;"
		"ip link set lo up; ip link add wan type veth peer name wan2;"
		"ip link add lan type veth peer name lan2;"
		"for i in wan wan2 lan lan2; do ip link set $i up; done;"
		"ip address add 10.1.0.1/16 dev "
		"lan;"
		"ip address add 198.51.100.1/24 dev wan; ip address add 198.51.100.2/24 dev wan;"
		"ip address add 2001:db8:1::1/64 dev wan nodad;"
		"ip address add fd01::1/64 dev lan nodad;"
		"ip route add default via 198.51.100.254;"
		"ip route add 2001:db8:2::/48 via 2001:db8:1::fe; ip route add 192.0.2.0/24 dev "
		"lan;"
		"ip route delete 192.0.2.0/24; ip route add unreachable 192.0.2.0/24");
	base = event_base_new();
	must(base != NULL, "libevent");
	peers[0] = host("203.0.113.1");
	peers[1] = host("2001:db8:2::1");
	cl_network_settings_default(&settings);
	network_start(&settings);
	check_has_route();
	check_look_ups(&settings);
	check_ignored_tables(&settings);
	check_routes();
	check_routes_ipv6();
	check_changes();
	check_reload(&settings);
	check_install_routes(&settings);
	check_process_route(&settings);
	check_long_message();
	check_overrun();
	cl_network_close(network);
	check_main_table(&settings);
	check_left_rules(&settings);
	check_leftovers(&settings);
	check_virtual(&settings);
	check_remade(&settings);
	check_left_virtual(&settings);
	printf("%u failed\n", failures);
	return failures ? EXIT_FAILURE : EXIT_SUCCESS;
}
