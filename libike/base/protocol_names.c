#include "libike/base/protocol_names.h"

#include <netinet/in.h>
#include <stddef.h>
#include <string.h>
#include <strings.h>

/* IANA's protocol numbers, with the names of Debian's /etc/protocols, which are what strongSwan
 * prints there. */
static const char *const protocol_names[256] = {
	[1] = "icmp",
	[2] = "igmp",
	[3] = "ggp",
	[4] = "ipencap",
	[5] = "st",
	[6] = "tcp",
	[8] = "egp",
	[9] = "igp",
	[12] = "pup",
	[17] = "udp",
	[20] = "hmp",
	[22] = "xns-idp",
	[27] = "rdp",
	[29] = "iso-tp4",
	[33] = "dccp",
	[36] = "xtp",
	[37] = "ddp",
	[38] = "idpr-cmtp",
	[41] = "ipv6",
	[43] = "ipv6-route",
	[44] = "ipv6-frag",
	[45] = "idrp",
	[46] = "rsvp",
	[47] = "gre",
	[50] = "esp",
	[51] = "ah",
	[57] = "skip",
	[58] = "ipv6-icmp",
	[59] = "ipv6-nonxt",
	[60] = "ipv6-opts",
	[73] = "rspf",
	[81] = "vmtp",
	[88] = "eigrp",
	[89] = "ospf",
	[93] = "ax.25",
	[94] = "ipip",
	[97] = "etherip",
	[98] = "encap",
	[103] = "pim",
	[108] = "ipcomp",
	[112] = "vrrp",
	[115] = "l2tp",
	[124] = "isis",
	[132] = "sctp",
	[133] = "fc",
	[135] = "mobility-header",
	[136] = "udplite",
	[137] = "mpls-in-ip",
	[138] = "manet",
	[139] = "hip",
	[140] = "shim6",
	[141] = "wesp",
	[142] = "rohc",
	[143] = "ethernet",
};

struct protocol_alias {
	uint8_t number;
	const char *name;
};

static const struct protocol_alias protocol_aliases[] = {
	{ IPPROTO_ICMPV6, "icmpv6" },
	{ IPPROTO_ICMPV6, "icmp6" },
	{ IPPROTO_MH, "mh" },
};

#define TCP 1
#define UDP 2
#define BOTH (TCP | UDP)

struct service {
	uint16_t port;
	uint8_t protocols;
	const char *name;
};

/* The services that traffic is selected by, sorted by port; other ports stay numbers. */
static const struct service services[] = {
	{ 7, BOTH, "echo" },
	{ 9, BOTH, "discard" },
	{ 13, BOTH, "daytime" },
	{ 19, BOTH, "chargen" },
	{ 20, TCP, "ftp-data" },
	{ 21, TCP, "ftp" },
	{ 22, TCP, "ssh" },
	{ 23, TCP, "telnet" },
	{ 25, TCP, "smtp" },
	{ 37, BOTH, "time" },
	{ 43, TCP, "whois" },
	{ 49, BOTH, "tacacs" },
	{ 53, BOTH, "domain" },
	{ 67, UDP, "bootps" },
	{ 68, UDP, "bootpc" },
	{ 69, UDP, "tftp" },
	{ 79, TCP, "finger" },
	{ 80, TCP, "http" },
	{ 88, BOTH, "kerberos" },
	{ 110, TCP, "pop3" },
	{ 111, BOTH, "sunrpc" },
	{ 113, TCP, "auth" },
	{ 119, TCP, "nntp" },
	{ 123, UDP, "ntp" },
	{ 135, TCP, "epmap" },
	{ 137, UDP, "netbios-ns" },
	{ 138, UDP, "netbios-dgm" },
	{ 139, TCP, "netbios-ssn" },
	{ 143, TCP, "imap2" },
	{ 161, BOTH, "snmp" },
	{ 162, BOTH, "snmp-trap" },
	{ 177, UDP, "xdmcp" },
	{ 179, TCP, "bgp" },
	{ 389, BOTH, "ldap" },
	{ 427, BOTH, "svrloc" },
	{ 443, BOTH, "https" },
	{ 445, TCP, "microsoft-ds" },
	{ 464, BOTH, "kpasswd" },
	{ 465, TCP, "submissions" },
	{ 500, UDP, "isakmp" },
	{ 512, TCP, "exec" },
	{ 513, TCP, "login" },
	{ 514, TCP, "shell" },
	{ 514, UDP, "syslog" },
	{ 515, TCP, "printer" },
	{ 520, UDP, "route" },
	{ 546, UDP, "dhcpv6-client" },
	{ 547, UDP, "dhcpv6-server" },
	{ 548, TCP, "afpovertcp" },
	{ 554, BOTH, "rtsp" },
	{ 563, TCP, "nntps" },
	{ 587, TCP, "submission" },
	{ 623, UDP, "asf-rmcp" },
	{ 631, TCP, "ipp" },
	{ 636, BOTH, "ldaps" },
	{ 646, BOTH, "ldp" },
	{ 655, BOTH, "tinc" },
	{ 749, TCP, "kerberos-adm" },
	{ 853, BOTH, "domain-s" },
	{ 873, TCP, "rsync" },
	{ 989, TCP, "ftps-data" },
	{ 990, TCP, "ftps" },
	{ 992, TCP, "telnets" },
	{ 993, TCP, "imaps" },
	{ 995, TCP, "pop3s" },
	{ 1080, TCP, "socks" },
	{ 1194, BOTH, "openvpn" },
	{ 1433, TCP, "ms-sql-s" },
	{ 1434, UDP, "ms-sql-m" },
	{ 1645, BOTH, "datametrics" },
	{ 1646, BOTH, "sa-msg-port" },
	{ 1701, UDP, "l2f" },
	{ 1812, BOTH, "radius" },
	{ 1813, BOTH, "radius-acct" },
	{ 2000, TCP, "cisco-sccp" },
	{ 2049, BOTH, "nfs" },
	{ 2601, TCP, "zebra" },
	{ 2605, TCP, "bgpd" },
	{ 3260, TCP, "iscsi-target" },
	{ 3306, TCP, "mysql" },
	{ 3389, TCP, "ms-wbt-server" },
	{ 3493, BOTH, "nut" },
	{ 4190, TCP, "sieve" },
	{ 4500, UDP, "ipsec-nat-t" },
	{ 4569, UDP, "iax" },
	{ 5060, BOTH, "sip" },
	{ 5061, BOTH, "sip-tls" },
	{ 5222, TCP, "xmpp-client" },
	{ 5269, TCP, "xmpp-server" },
	{ 5353, UDP, "mdns" },
	{ 5432, TCP, "postgresql" },
	{ 5666, TCP, "nrpe" },
	{ 5671, TCP, "amqps" },
	{ 5672, TCP, "amqp" },
	{ 6000, TCP, "x11" },
	{ 6379, TCP, "redis" },
	{ 6514, TCP, "syslog-tls" },
	{ 6667, TCP, "ircd" },
	{ 6696, UDP, "babel" },
	{ 6697, TCP, "ircs-u" },
	{ 8080, TCP, "http-alt" },
	{ 8140, TCP, "puppet" },
	{ 9418, TCP, "git" },
	{ 10000, TCP, "webmin" },
	{ 10050, TCP, "zabbix-agent" },
	{ 10051, TCP, "zabbix-trapper" },
	{ 11371, TCP, "hkp" },
};

/* Understood, never printed. */
static const struct service service_aliases[] = {
	{ 1701, UDP, "l2tp" },
	{ 80, TCP, "www" },
	{ 25, TCP, "mail" },
	{ 465, TCP, "smtps" },
	{ 143, TCP, "imap" },
	{ 110, TCP, "pop-3" },
	{ 111, BOTH, "portmapper" },
};

#define COUNT(array) (sizeof(array) / sizeof(*(array)))

const char *ike_protocol_name(uint8_t number)
{
	return protocol_names[number];
}

bool ike_protocol_number(const char *name, uint8_t *ret)
{
	for (size_t i = 0; i < COUNT(protocol_names); i++) {
		if (protocol_names[i] && strcasecmp(protocol_names[i], name) == 0) {
			*ret = (uint8_t)i;
			return true;
		}
	}
	for (size_t i = 0; i < COUNT(protocol_aliases); i++) {
		if (strcasecmp(protocol_aliases[i].name, name) == 0) {
			*ret = protocol_aliases[i].number;
			return true;
		}
	}
	return false;
}

static uint8_t protocols_of(uint8_t protocol)
{
	if (protocol == IPPROTO_TCP)
		return TCP;
	if (protocol == IPPROTO_UDP)
		return UDP;
	return protocol_names[protocol] ? 0 : BOTH;
}

const char *ike_service_name(uint8_t protocol, uint16_t port)
{
	uint8_t wanted = protocols_of(protocol);

	for (size_t i = 0; i < COUNT(services) && services[i].port <= port; i++)
		if (services[i].port == port && (services[i].protocols & wanted))
			return services[i].name;
	return NULL;
}

static bool find_port(const struct service *list, size_t count, const char *name, uint16_t *ret)
{
	for (size_t i = 0; i < count; i++) {
		if (strcmp(list[i].name, name) == 0) {
			*ret = list[i].port;
			return true;
		}
	}
	return false;
}

bool ike_service_port(const char *name, uint16_t *ret)
{
	return find_port(services, COUNT(services), name, ret) ||
	       find_port(service_aliases, COUNT(service_aliases), name, ret);
}
