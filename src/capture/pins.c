// SPDX-License-Identifier: GPL-2.0-only
/* Owns the names on bpffs. A link is detached, and a map freed, when its last name goes. */
#include "src/capture/pins.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "src/base/cleanup.h"
#include "src/base/log.h"
#include "src/capture/losses.h"

#define SHARED_SECTION ".data.shared"

static void version_path(char path[PATH_MAX], const char *dir, const char *below)
{
	snprintf(path, PATH_MAX, "%s/v%d%s%s", dir, MAPS_VERSION, *below ? "/" : "", below);
}

static int make_directory(const char *path)
{
	return mkdir(path, 0700) && errno != EEXIST ? -errno : 0;
}

/* The parent is where bpffs has to be: it exists in every /sys, and may have to be mounted. */
static int mount_bpffs(const char *dir)
{
	_cleanup_free_ char *parent = strdup(dir);
	struct statfs status;
	char *slash;

	if (!parent)
		return -ENOMEM;
	if (!statfs(dir, &status) && status.f_type == BPF_FS_MAGIC)
		return 0;
	slash = strrchr(parent, '/');
	if (!slash || slash == parent)
		return -EINVAL;
	*slash = '\0';
	if (statfs(parent, &status))
		return -errno;
	if (status.f_type == BPF_FS_MAGIC)
		return 0;
	return mount("bpf", parent, "bpf", MS_NOSUID | MS_NODEV | MS_NOEXEC, "mode=0700") ? -errno
											  : 0;
}

/* Whoever holds the pins is alone with them, whatever else it was told. */
static int lock(const char *dir)
{
	_cleanup_close_ int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	if (flock(fd, LOCK_EX | LOCK_NB))
		return errno == EWOULDBLOCK ? -EBUSY : -errno;
	return TAKE_FD(fd);
}

int pins_prepare(const char *dir)
{
	static const char *const below[] = { "", "maps", "links" };
	_cleanup_close_ int fd = -1;
	char path[PATH_MAX];
	size_t i;
	int err = mount_bpffs(dir);

	if (!err)
		err = make_directory(dir);
	for (i = 0; !err && i < ARRAY_SIZE(below); i++) {
		version_path(path, dir, below[i]);
		err = make_directory(path);
	}
	if (!err)
		fd = lock(dir);
	if (!err && fd < 0)
		err = fd;
	if (err == -EBUSY)
		log_error("another process holds the pins below %s", dir);
	else if (err)
		log_error("cannot pin below %s: %s", dir, strerror(-err));
	return err ? err : TAKE_FD(fd);
}

/* A ring of another size stays as it is: what it holds is worth more. */
static int adopt_size(struct bpf_map *map, const char *path)
{
	struct bpf_map_info info = {};
	__u32 size = sizeof(info);
	_cleanup_close_ int fd = bpf_obj_get(path);

	if (fd < 0)
		return errno == ENOENT ? 0 : -errno;
	if (bpf_obj_get_info_by_fd(fd, &info, &size))
		return -errno;
	if (bpf_map__max_entries(map) == info.max_entries)
		return 0;
	log_info("%s keeps its size of %u until `shutwatch daemon --unpin`", bpf_map__name(map),
		 info.max_entries);
	return bpf_map__set_max_entries(map, info.max_entries);
}

int pins_use_maps(const char *dir, struct bpf_object *object)
{
	char folder[PATH_MAX], path[2 * PATH_MAX];
	struct bpf_map *map;
	int err = 0;

	version_path(folder, dir, "maps");
	bpf_object__for_each_map(map, object)
	{
		const char *name = bpf_map__name(map);

		if (bpf_map__is_internal(map)) {
			if (!strstr(name, SHARED_SECTION))
				continue;
			name = "shared";
		}
		snprintf(path, sizeof(path), "%s/%s", folder, name);
		err = adopt_size(map, path);
		if (!err)
			err = bpf_map__set_pin_path(map, path);
		if (err)
			break;
	}
	return err;
}

int pins_add_links(const char *dir, struct bpf_object_skeleton *skeleton, uint64_t instance)
{
	char folder[PATH_MAX], path[2 * PATH_MAX];
	int i;

	version_path(folder, dir, "links");
	for (i = 0; i < skeleton->prog_cnt; i++) {
		struct bpf_link *link = *skeleton->progs[i].link;
		int err;

		if (!link)
			continue;
		snprintf(path, sizeof(path), "%s/%" PRIu64 "-%s", folder, instance,
			 skeleton->progs[i].name);
		err = bpf_link__pin(link, path);
		if (err) {
			log_error("cannot pin %s: %s", path, strerror(-err));
			return err;
		}
	}
	return 0;
}

static void add_nested(const char *path, const char *program, __u64 nested[LOSS_CAUSES])
{
	_cleanup_close_ int link = bpf_obj_get(path);
	_cleanup_close_ int fd = -1;
	struct bpf_link_info link_info = {};
	struct bpf_prog_info info = {};
	__u32 link_size = sizeof(link_info), size = sizeof(info);

	if (link < 0 || bpf_obj_get_info_by_fd(link, &link_info, &link_size))
		return;
	fd = bpf_prog_get_fd_by_id(link_info.prog_id);
	if (fd >= 0 && !bpf_obj_get_info_by_fd(fd, &info, &size))
		nested[losses_nested_cause(program)] += info.recursion_misses;
}

/* Removes what is in the folder, except the links of `keep`. */
static void empty(const char *folder, uint64_t keep, __u64 *nested)
{
	DIR *entries = opendir(folder);
	struct dirent *entry;
	char path[2 * PATH_MAX];

	while (entries && (entry = readdir(entries))) {
		char *end;
		uint64_t instance = strtoull(entry->d_name, &end, 10);

		if (entry->d_name[0] == '.' || (keep && instance == keep))
			continue;
		snprintf(path, sizeof(path), "%s/%s", folder, entry->d_name);
		if (nested && *end == '-')
			add_nested(path, end + 1, nested);
		unlink(path);
	}
	if (entries)
		closedir(entries);
}

/* Whoever comes after us must not take these for maps of programs that counted all the time. */
static void retire(const char *folder)
{
	struct bpf_map_info info = {};
	_cleanup_free_ struct shared *shared = NULL;
	_cleanup_free_ char *path = NULL;
	_cleanup_close_ int fd = -1;
	__u32 size = sizeof(info), key = 0;

	if (asprintf(&path, "%s/maps/shared", folder) < 0) {
		path = NULL;
		return;
	}
	fd = bpf_obj_get(path);
	if (fd < 0 || bpf_obj_get_info_by_fd(fd, &info, &size) || info.value_size < sizeof(*shared))
		return;
	shared = calloc(1, info.value_size);
	if (!shared || bpf_map_lookup_elem(fd, &key, shared))
		return;
	shared->active_instance = 0; /* the first field, in every version */
	bpf_map_update_elem(fd, &key, shared, BPF_ANY);
}

/* Links first: without them nothing writes to the maps any more. */
static void remove_version(const char *folder)
{
	static const char *const below[] = { "links", "maps" };
	size_t i;

	retire(folder);
	for (i = 0; i < ARRAY_SIZE(below); i++) {
		_cleanup_free_ char *path = NULL;

		if (asprintf(&path, "%s/%s", folder, below[i]) < 0) {
			path = NULL;
			continue;
		}
		empty(path, 0, NULL);
		rmdir(path);
	}
	rmdir(folder);
}

/* "v" and digits; 0: it is none of ours. */
static int version_of(const char *name)
{
	if (name[0] != 'v' || !name[1] || name[1 + strspn(name + 1, "0123456789")])
		return 0;
	return atoi(name + 1);
}

/* Calls remove_version() for each but our own, or for all. Returns how many these were. */
static size_t remove_versions(const char *dir, int keep)
{
	DIR *entries = opendir(dir);
	struct dirent *entry;
	size_t removed = 0;
	char path[2 * PATH_MAX];

	while (entries && (entry = readdir(entries))) {
		int version = version_of(entry->d_name);

		if (!version || version == keep)
			continue;
		snprintf(path, sizeof(path), "%s/%s", dir, entry->d_name);
		remove_version(path);
		removed++;
	}
	if (entries)
		closedir(entries);
	return removed;
}

void pins_drop_others(const char *dir, uint64_t instance, __u64 nested[LOSS_CAUSES])
{
	char folder[PATH_MAX];

	version_path(folder, dir, "links");
	empty(folder, instance, nested);
	if (remove_versions(dir, MAPS_VERSION))
		log_error("the programs of another version of shutwatch are gone; shutdowns that "
			  "they had begun to record are lost");
}

int pins_remove(const char *dir)
{
	_cleanup_close_ int fd = -1;
	struct statfs status;

	if (statfs(dir, &status))
		return -errno;
	if (status.f_type != BPF_FS_MAGIC)
		return -EINVAL;
	fd = lock(dir);
	if (fd < 0)
		return fd;
	remove_versions(dir, 0);
	return rmdir(dir) ? -errno : 0;
}
