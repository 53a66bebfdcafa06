#include "swanctl-lite/output.h"

#include "libbase/json.h"

static bool is_printable(struct bytes b)
{
	for (size_t i = 0; i < b.length; i++)
		if (b.at[i] < 32 || b.at[i] > 126)
			return false;
	return true;
}

/* Names and values as strongSwan dumps them: text, or 0x and hexadecimal. */
static void print_bytes(FILE *to, struct bytes b)
{
	if (is_printable(b)) {
		fwrite(b.at ? (const char *)b.at : "", 1, b.length, to);
		return;
	}
	fputs("0x", to);
	for (size_t i = 0; i < b.length; i++)
		fprintf(to, "%02x", b.at[i]);
}

static void dump_raw(FILE *to, struct vici_view in)
{
	bool first = true;

	VICI_EACH(each, in)
	{
		if (!first)
			putc(' ', to);
		first = false;
		print_bytes(to, vici_name(each));
		switch (vici_kind(each)) {
		case VICI_SECTION:
			fputs(" {", to);
			dump_raw(to, each);
			putc('}', to);
			break;
		case VICI_LIST:
			fputs("=[", to);
			dump_raw(to, each);
			putc(']', to);
			break;
		case VICI_VALUE:
			putc('=', to);
			print_bytes(to, vici_value(each));
			break;
		default:
			print_bytes(to, vici_value(each));
		}
	}
}

static void indent(FILE *to, unsigned depth)
{
	fprintf(to, "%*s", (int)(2 * depth), "");
}

static void dump_pretty(FILE *to, struct vici_view in, unsigned depth)
{
	VICI_EACH(each, in)
	{
		indent(to, depth);
		print_bytes(to, vici_name(each));
		switch (vici_kind(each)) {
		case VICI_SECTION:
			fputs(" {\n", to);
			dump_pretty(to, each, depth + 1);
			indent(to, depth);
			fputs("}\n", to);
			break;
		case VICI_LIST:
			fputs(" = [\n", to);
			dump_pretty(to, each, depth + 1);
			indent(to, depth);
			fputs("]\n", to);
			break;
		case VICI_VALUE:
			fputs(" = ", to);
			print_bytes(to, vici_value(each));
			putc('\n', to);
			break;
		default:
			print_bytes(to, vici_value(each));
			putc('\n', to);
		}
	}
}

static void json_value(FILE *to, struct vici_view v)
{
	bool list = vici_kind(v) == VICI_LIST, first = true;

	if (!list && vici_kind(v) != VICI_SECTION) {
		json_write_string(to, vici_value(v));
		return;
	}
	putc(list ? '[' : '{', to);
	VICI_EACH(each, v)
	{
		if (!first)
			putc(',', to);
		first = false;
		if (!list) {
			json_write_string(to, vici_name(each));
			putc(':', to);
		}
		json_value(to, each);
	}
	putc(list ? ']' : '}', to);
}

void swanctl_dump_json(FILE *to, struct vici_view message)
{
	json_value(to, message);
}

void swanctl_dump(FILE *to, enum swanctl_format format, const char *label, struct vici_view message)
{
	switch (format) {
	case SWANCTL_TEXT:
		break;
	case SWANCTL_RAW_DUMP:
		fprintf(to, "%s {", label);
		dump_raw(to, message);
		fputs("}\n", to);
		break;
	case SWANCTL_PRETTY_DUMP:
		fprintf(to, "%s {\n", label);
		dump_pretty(to, message, 1);
		fputs("}\n", to);
		break;
	case SWANCTL_JSON:
		json_value(to, message);
		putc('\n', to);
		break;
	}
	fflush(to);
}

bool swanctl_has(struct vici_view section, const char *key)
{
	return vici_get(section, key).at != NULL;
}

bool swanctl_has_items(struct vici_view section, const char *key)
{
	return vici_present(vici_first(vici_find(section, key)));
}

static const char *text_fill(struct bytes b, char room[SWANCTL_TEXT_ROOM])
{
	bool text = is_printable(b);
	size_t length = 0;

	if (!text)
		length = (size_t)snprintf(room, SWANCTL_TEXT_ROOM, "0x");
	for (size_t i = 0; i < b.length && length < SWANCTL_TEXT_ROOM - 3; i++)
		length += (size_t)snprintf(
			room + length, SWANCTL_TEXT_ROOM - length, text ? "%c" : "%02x", b.at[i]);
	room[length] = '\0';
	return room;
}

const char *swanctl_text(struct vici_view section, const char *key, char room[SWANCTL_TEXT_ROOM])
{
	struct bytes value = vici_get(section, key);

	return value.at ? text_fill(value, room) : "(null)";
}

const char *swanctl_text_or_gap(
	struct vici_view section, const char *key, char room[SWANCTL_TEXT_ROOM])
{
	return text_fill(vici_get(section, key), room);
}

const char *swanctl_name(struct vici_view v, char room[SWANCTL_TEXT_ROOM])
{
	return text_fill(vici_name(v), room);
}

void swanctl_print_list(FILE *to, struct vici_view section, const char *key)
{
	bool first = true;

	VICI_EACH(each, vici_find(section, key))
	{
		if (!first)
			putc(' ', to);
		first = false;
		print_bytes(to, vici_value(each));
	}
	if (first)
		fputs("(null)", to);
}
