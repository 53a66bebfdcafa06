/* `--kernel none`: every request succeeds and nothing is encrypted. */
#include "charon-lite/kernel.h"

#include <openssl/rand.h>
#include <stdlib.h>

struct kernel {
	OSSL_LIB_CTX *library;
};

static bool spi_allocate(void *context, uint8_t protocol, const struct address *source,
	const struct address *destination, uint32_t reqid, uint32_t *ret_spi, struct why *why)
{
	struct kernel *k = context;
	uint32_t spi;

	(void)protocol;
	(void)source;
	(void)destination;
	(void)reqid;
	if (RAND_bytes_ex(k->library, (unsigned char *)&spi, sizeof(spi), 0) != 1)
		return why_fail(why, "no randomness for an SPI");
	*ret_spi =
		0xc0000000 | (spi & 0x0fffffff); /* as a kernel is asked to choose, see kernel.c */
	return true;
}

static bool cpi_allocate(void *context, const struct address *source,
	const struct address *destination, uint32_t reqid, uint16_t *ret_cpi, struct why *why)
{
	uint32_t spi = 0;

	if (!spi_allocate(context, IKE_PROTOCOL_ESP, source, destination, reqid, &spi, why))
		return false;
	*ret_cpi = (uint16_t)(0x100 + spi % 0xee00);
	return true;
}

static bool sa_install(void *context, const struct ike_kernel_sa *sa, struct why *why)
{
	(void)context;
	(void)sa;
	(void)why;
	return true;
}

static void sa_remove(void *context, const struct ike_kernel_id *id)
{
	(void)context;
	(void)id;
}

static bool sa_query(void *context, const struct ike_kernel_id *id, struct ike_kernel_usage *ret)
{
	(void)context;
	(void)id;
	*ret = (struct ike_kernel_usage){ .idle_seconds = UINT64_MAX };
	return true;
}

static bool sa_move(void *context, const struct ike_kernel_id *id, const struct address *source,
	const struct address *destination, bool udp_encapsulation, struct why *why)
{
	(void)context;
	(void)id;
	(void)source;
	(void)destination;
	(void)udp_encapsulation;
	(void)why;
	return true;
}

static void *usages_begin(void *context)
{
	return context;
}

static enum cl_kernel_progress usages_some(
	void *looking, void (*each)(void *to, const struct cl_kernel_use *use), void *to)
{
	(void)looking, (void)each, (void)to;
	return CL_KERNEL_COMPLETE;
}

static void usages_end(void *looking)
{
	(void)looking;
}

static bool sa_keys(
	void *context, const struct ike_kernel_id *id, struct cl_kernel_keys *ret, struct why *why)
{
	(void)context, (void)id;
	*ret = (struct cl_kernel_keys){ 0 };
	return why_fail(why, "--kernel none: nothing is in the kernel");
}

static bool sa_is_gone(void *context, const struct ike_kernel_id *id)
{
	(void)context;
	(void)id;
	return false;
}

static void acquires_again(void *context)
{
	(void)context;
}

static bool policies_install(
	void *context, const struct ike_kernel_policies *policies, struct why *why)
{
	(void)context;
	(void)policies;
	(void)why;
	return true;
}

static void policies_remove(void *context, const struct ike_kernel_policies *policies)
{
	(void)context;
	(void)policies;
}

static bool socket_option(void *context, int fd, int family, struct why *why)
{
	(void)context;
	(void)fd;
	(void)family;
	(void)why;
	return true;
}

bool cl_kernel_none_open(OSSL_LIB_CTX *library, struct cl_kernel *ret, struct why *why)
{
	struct kernel *k = malloc(sizeof(*k));

	if (!k)
		return why_fail(why, "no memory");
	k->library = library;
	*ret = (struct cl_kernel){
		.context = k,
		.has_processors = true,
		.spi_allocate = spi_allocate,
		.cpi_allocate = cpi_allocate,
		.sa_install = sa_install,
		.sa_remove = sa_remove,
		.sa_query = sa_query,
		.sa_move = sa_move,
		.usages_begin = usages_begin,
		.usages_some = usages_some,
		.usages_end = usages_end,
		.sa_keys = sa_keys,
		.sa_is_gone = sa_is_gone,
		.acquires_again = acquires_again,
		.policies_install = policies_install,
		.policies_remove = policies_remove,
		.socket_bypass = socket_option,
		.socket_encapsulation = socket_option,
		.close = free,
	};
	return true;
}
