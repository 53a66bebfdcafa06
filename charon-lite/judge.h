/*
 * `charon-lite --judge`: the daemon's way of loading and judging definitions, without the daemon.
 *
 * Started by `swanctl-lite --check`, with one end of a pair of sockets as its standard input, on
 * which it serves VICI: load-*, and `check`. There are no sockets, no kernel, no name servers and
 * no peers: its engine has a host that does nothing, and its time stands still. Once all is open it
 * can do no more than answer. It ends when the other end is closed.
 */
#ifndef CHARON_LITE_JUDGE_H
#define CHARON_LITE_JUDGE_H

/* Does not return. */
int cl_judge_main(void);

#endif
