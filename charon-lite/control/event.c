#include "charon-lite/control/event.h"

static const char *const names[CL_EVENTS] = {
	[CL_EVENT_LOG] = "log",
	[CL_EVENT_CONTROL_LOG] = "control-log",
	[CL_EVENT_LIST_SA] = "list-sa",
	[CL_EVENT_LIST_POLICY] = "list-policy",
	[CL_EVENT_LIST_CONN] = "list-conn",
	[CL_EVENT_LIST_CERT] = "list-cert",
	[CL_EVENT_LIST_AUTHORITY] = "list-authority",
	[CL_EVENT_LIST_CLIENT] = "list-client",
	[CL_EVENT_IKE_UPDOWN] = "ike-updown",
	[CL_EVENT_IKE_REKEY] = "ike-rekey",
	[CL_EVENT_IKE_UPDATE] = "ike-update",
	[CL_EVENT_CHILD_UPDOWN] = "child-updown",
	[CL_EVENT_CHILD_REKEY] = "child-rekey",
	[CL_EVENT_IKE_STATE_ESTABLISHED] = "ike-state-established",
	[CL_EVENT_IKE_STATE_DESTROYING] = "ike-state-destroying",
	[CL_EVENT_CHILD_STATE_INSTALLING] = "child-state-installing",
	[CL_EVENT_CHILD_STATE_INSTALLED] = "child-state-installed",
	[CL_EVENT_CHILD_STATE_UPDATING] = "child-state-updating",
	[CL_EVENT_CHILD_STATE_REKEYING] = "child-state-rekeying",
	[CL_EVENT_CHILD_STATE_REKEYED] = "child-state-rekeyed",
	[CL_EVENT_CHILD_STATE_DESTROYING] = "child-state-destroying",
	[CL_EVENT_ALERT] = "alert",
	[CL_EVENT_FINDING] = "finding",
	[CL_EVENT_EXPLAIN] = "explain",
	[CL_EVENT_LOG_EVENT] = "log-event",
	[CL_EVENT_KEYS] = "keys",
	[CL_EVENT_LIST_TUNNELS] = "list-tunnels",
	[CL_EVENT_LOAD_CHANGE] = "load-change",
};

const char *cl_event_name(enum cl_event event)
{
	return names[event];
}

bool cl_event_find(struct bytes name, enum cl_event *ret)
{
	for (unsigned i = 0; i < CL_EVENTS; i++) {
		if (bytes_equal(name, bytes_of_text(names[i]))) {
			*ret = (enum cl_event)i;
			return true;
		}
	}
	return false;
}
