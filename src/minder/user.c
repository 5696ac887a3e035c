#include <grp.h>
#include <string.h>
#include <unistd.h>

#include "minder/minder.h"

static bool set_groups(const struct minder *minder)
{
    gid_t groups[DURE_LOCAL_GROUPS_MAX];
    const size_t count = minder->spec.groups.length / sizeof(uint32_t);
    for (size_t i = 0; i < count; i++) {
        uint32_t group;
        memcpy(&group, minder->spec.groups.data + i * sizeof group, sizeof group);
        groups[i] = group;
    }
    return setgroups(count, groups) == 0;
}

bool minder_user_enter(const struct minder *minder)
{
    if (!minder->spec.set_user)
        return true;
    if (set_groups(minder) && setegid((gid_t)minder->spec.gid) == 0 && seteuid((uid_t)minder->spec.uid) == 0)
        return true;
    minder_user_leave(minder);
    return false;
}

void minder_user_leave(const struct minder *minder)
{
    if (!minder->spec.set_user)
        return;
    /* Going on with half of the rights of two users would be worse than ending. */
    DURE_ASSERT(seteuid(0) == 0);
    DURE_ASSERT(setegid(0) == 0);
    DURE_ASSERT(setgroups(0, NULL) == 0);
}

bool minder_user_become(const struct minder *minder)
{
    if (!minder->spec.set_user)
        return true;
    const uid_t uid = (uid_t)minder->spec.uid;
    const gid_t gid = (gid_t)minder->spec.gid;
    uid_t real, effective, saved;
    if (!set_groups(minder) || setresgid(gid, gid, gid) != 0 || setresuid(uid, uid, uid) != 0)
        return false;
    if (getresuid(&real, &effective, &saved) != 0 || real != uid || effective != uid || saved != uid)
        return false;
    return uid == 0 || setuid(0) != 0; /* there must be no way back */
}
