/*
 * owner.h. Below the commands; must not know a store.
 */
#include <errno.h>
#include <grp.h>
#include <linux/capability.h>
#include <stdio.h>
#include <string.h>
#include <sys/fsuid.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "owner.h"

static struct {
	bool is_other;
	uid_t user;
	gid_t group;
} owner; /* written before there are threads */

/* To be another took it from the thread. glibc has no function for it. */
static bool
keep_reading(void)
{
	struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct sets[_LINUX_CAPABILITY_U32S_3];

	if (syscall(SYS_capget, &head, sets) != 0)
		return false;
	sets[0].effective |= sets[0].permitted & 1u << CAP_DAC_READ_SEARCH;
	return syscall(SYS_capset, &head, sets) == 0;
}

bool
owner_become(const char *data)
{
	struct stat status;

	if (geteuid() != 0 || stat(data, &status) != 0 || status.st_uid == 0)
		return true;
	if (setgroups(0, NULL) != 0 || setegid(status.st_gid) != 0 || seteuid(status.st_uid) != 0 ||
	    !keep_reading()) {
		fprintf(stderr, "drum: %s: cannot act as its owner, user %u: %s\n", data,
			(unsigned)status.st_uid, strerror(errno));
		return false;
	}
	owner.is_other = true;
	owner.user = status.st_uid;
	owner.group = status.st_gid;
	return true;
}

/* A thread's ids for files alone: with root's come root's capabilities for them. */
void
owner_pause(void)
{
	if (!owner.is_other)
		return;
	setfsuid(0);
	setfsgid(0);
}

void
owner_resume(void)
{
	if (!owner.is_other)
		return;
	setfsgid(owner.group);
	setfsuid(owner.user);
	(void)!keep_reading(); /* what was read before is read without */
}
