/* SPDX-License-Identifier: GPL-2.0-only */
/* Which service a cgroup path names: container runtimes, systemd, and paths made to hurt. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "src/base/cleanup.h"
#include "src/capture/cgroup.h"

#define ID "3f4e1d2c5b6a79880123456789abcdef3f4e1d2c5b6a79880123456789abcdef"
#define ID2 "aaaa1d2c5b6a79880123456789abcdef3f4e1d2c5b6a79880123456789abcdef"
#define NAME "container 3f4e1d2c5b6a"
#define POD "6d3c7f0a-1b2c-4d5e-8f90-a1b2c3d4e5f6"
#define POD_ "6d3c7f0a_1b2c_4d5e_8f90_a1b2c3d4e5f6"
#define STATIC_POD "6d3c7f0a1b2c4d5e8f90a1b2c3d4e5f6"
#define BURSTABLE "/kubepods.slice/kubepods-burstable.slice/"

static struct cgroup_service parse(const char *path)
{
	struct cgroup_service service;

	if (!cgroup_parse(path, &service))
		print_error("%s is no service\n", path);
	assert_true(cgroup_parse(path, &service));
	return service;
}

static const struct {
	const char *path;
	const char *pod_uid;
	const char *below; /* of the service's cgroup */
} containers[] = {
	{ "/docker/" ID, "", "" },
	{ "/system.slice/docker-" ID ".scope", "", "" },
	{ "/system.slice/docker-" ID ".scope", "", "/init.scope" },
	{ "/docker/" ID, "", "/system.slice/nginx.service" },
	{ "/docker/" ID, "", "/kubelet.slice/kubelet.service" },
	{ "/default/" ID, "", "" }, /* containerd's own client */
	{ "/system.slice/nerdctl-" ID ".scope", "", "" },
	{ BURSTABLE "kubepods-burstable-pod" POD_ ".slice/cri-containerd-" ID ".scope", POD, "" },
	{ BURSTABLE "kubepods-burstable-pod" POD_ ".slice/crio-" ID ".scope", POD, "/container" },
	{ BURSTABLE "kubepods-burstable-pod" POD_ ".slice/docker-" ID ".scope", POD, "" },
	{ BURSTABLE "kubepods-burstable-pod" STATIC_POD ".slice/crio-" ID ".scope", STATIC_POD,
	  "" },
	{ "/kubepods.slice/kubepods-pod" POD_ ".slice/cri-containerd-" ID ".scope", POD, "" },
	{ "/kubepods/burstable/pod" POD "/" ID, POD, "" },
	{ "/kubepods/besteffort/pod" POD "/crio-" ID, POD, "" },
	{ "/kubepods/pod" STATIC_POD "/" ID, STATIC_POD, "" },
	{ "/machine.slice/libpod-" ID ".scope", "", "/container" },
	{ "/libpod_parent/libpod-" ID, "", "" },
	{ "/user.slice/user-1000.slice/user@1000.service/user.slice/libpod-" ID ".scope", "",
	  "/container" },
	{ "/machine.slice/machine-libpod_pod_" ID2 ".slice/libpod-" ID ".scope", "", "" },
	/* containerd under its systemd driver, where runc makes no scope of the path */
	{ "/system.slice/containerd.service/kubepods-burstable-pod" POD_
	  ".slice:cri-containerd:" ID,
	  POD, "" },
	{ "/kubepods-pod" STATIC_POD ".slice:cri-containerd:" ID, STATIC_POD, "" },
	{ "/system.slice:docker:" ID, "", "" },
	/* kind: a node is a container, its kubelet has a parent slice */
	{ "/docker/" ID2 "/kubelet.slice/kubelet-kubepods.slice/"
	  "kubelet-kubepods-burstable.slice/kubelet-kubepods-burstable-pod" POD_
	  ".slice/cri-containerd-" ID ".scope",
	  POD, "" },
	{ "/kubelet.slice/kubelet-kubepods-besteffort-pod" POD_ ".slice:cri-containerd:" ID, POD,
	  "" },
	/* seen from a sibling's cgroup namespace */
	{ "/../cri-containerd-" ID ".scope", "", "" },
	{ "/../../kubepods-besteffort-pod" POD_ ".slice/crio-" ID ".scope", POD, "" },
	{ "/ecs/0123456789abcdef0123456789abcdef/" ID, "", "" },
	{ "/user.slice/user-1000.slice/session-3.scope/libpod-payload-" ID, "", "" },
};

static void test_containers(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(containers); i++) {
		char path[PATH_BYTES];
		struct cgroup_service service;

		strcpy(path, containers[i].path);
		strcat(path, containers[i].below);
		service = parse(path);
		assert_int_equal(service.kind, SERVICE_CONTAINER);
		assert_string_equal(service.container_id, ID);
		assert_string_equal(service.name, NAME);
		assert_string_equal(service.pod_uid, containers[i].pod_uid);
		assert_string_equal(service.cgroup, containers[i].path);
		assert_string_equal(service.unit, "");
	}
}

static void test_units(void **state)
{
	static const struct {
		const char *path;
		const char *unit;
		const char *below;
	} rows[] = {
		{ "/system.slice/orders.service", "orders.service", "" },
		{ "/system.slice/orders.service", "orders.service", "/workers" },
		{ "/system.slice/orders.service", "orders.service", "/a/b/c" },
		{ "/system.slice/system-getty.slice/getty@tty1.service", "getty@tty1.service", "" },
		{ "/system.slice/system-x.slice/x@a\\x2db.service", "x@a\\x2db.service", "" },
		{ "/user.slice/user-1000.slice/user@1000.service/app.slice/web.service",
		  "web.service", "" },
		{ "/user.slice/user-0.slice/user@0.service/app.slice/run-r1.scope", "run-r1.scope",
		  "" },
		{ "/system.slice/containerd.service", "containerd.service", "" },
		{ "/orders.service", "orders.service", "" },
		{ "/system.slice/web%n%s.service", "web%n%s.service", "" },
		/* conmon is no container */
		{ "/machine.slice/libpod-conmon-" ID ".scope", "libpod-conmon-" ID ".scope", "" },
		{ "/system.slice/crio-conmon-" ID ".scope", "crio-conmon-" ID ".scope", "" },
		/* Quadlet: the id is new at each start of the unit, the unit's name is not */
		{ "/system.slice/web.service", "web.service", "/libpod-payload-" ID },
		{ "/system.slice/web.service", "web.service", "/supervisor" },
		{ "/user.slice/user-1000.slice/user@1000.service/app.slice/web.service",
		  "web.service", "/libpod-payload-" ID "/container" },
		/* machines: the unit inside, else the machine */
		{ "/machine.slice/machine-box.scope/payload/system.slice/web.service",
		  "web.service", "" },
		{ "/machine.slice/systemd-nspawn@box.service/payload/system.slice/web.service",
		  "web.service", "/worker" },
		{ "/machine.slice/systemd-nspawn@box.service", "systemd-nspawn@box.service",
		  "/payload/init.scope" },
		{ "/machine.slice/machine-box.scope", "machine-box.scope", "/payload" },
		{ "/machine.slice/machine-a\\x2db.scope", "machine-a\\x2db.scope",
		  "/libvirt/emulator" },
		{ "/lxc.payload.box/system.slice/web.service", "web.service", "" },
		{ "/lxc/101/ns/system.slice/web.service", "web.service", "" },
		/* escaped by systemd */
		{ "/system.slice/_cpu.service", "cpu.service", "" },
		{ "/../../system.slice/web.service", "web.service", "" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		char path[PATH_BYTES];
		struct cgroup_service service;

		strcpy(path, rows[i].path);
		strcat(path, rows[i].below);
		service = parse(path);
		assert_int_equal(service.kind, SERVICE_UNIT);
		assert_string_equal(service.unit, rows[i].unit);
		assert_string_equal(service.name, rows[i].unit);
		assert_string_equal(service.cgroup, rows[i].path);
		assert_string_equal(service.container_id, "");
		assert_string_equal(service.pod_uid, "");
	}
}

/* The systemd of this host can be asked about its own services, by their names, and only those. */
static void test_system_services(void **state)
{
	static const struct {
		const char *path;
		bool is_system_service;
	} rows[] = {
		{ "/system.slice/orders.service", true },
		{ "/system.slice/orders.service/workers", true },
		{ "/system.slice/system-getty.slice/getty@tty1.service", true },
		{ "/system.slice/_cpu.service", true },
		{ "/orders.service", true }, /* Slice=-.slice */
		{ "/user.slice/user-1000.slice/user@1000.service/app.slice/web.service", false },
		{ "/machine.slice/machine-box.scope/payload/system.slice/web.service", false },
		{ "/machine.slice/systemd-nspawn@box.service/payload/system.slice/a.service",
		  false },
		{ "/lxc.payload.box/system.slice/web.service", false },
		{ "/../../system.slice/web.service", false },
		{ "/.slice/web.service", false },
		{ "//web.service", false },
		{ "/machine.slice/machine-box.scope", false },
		{ "/system.slice/docker-" ID ".scope", false },
		{ "/web", false },
		{ "web.service", false },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct cgroup_service service = parse(rows[i].path);

		if (cgroup_is_system_service(&service) != rows[i].is_system_service)
			print_error("%s\n", rows[i].path);
		assert_int_equal(cgroup_is_system_service(&service), rows[i].is_system_service);
	}
}

static void test_plain(void **state)
{
	static const struct {
		const char *path;
		const char *name;
	} rows[] = {
		{ "/web", "web" },
		{ "/lxc/box", "box" },
		{ "/lxc.payload.box", "lxc.payload.box" },
		{ "/libpod_parent/conmon", "conmon" },
		{ "/crio-conmon-" ID, "crio-conmon-" ID },
		{ "web", "web" },
		{ "/docker", "docker" },
		{ "/docker-3f4e", "docker-3f4e" },
		{ "/" ID "0", ID "0" },
		{ "//web//box", "box" },
		{ "/web\n\033[31m", "web\n\033[31m" },
		{ "/%s%n%1000000d", "%s%n%1000000d" },
		{ "/\xff\xfe", "\xff\xfe" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct cgroup_service service = parse(rows[i].path);

		assert_int_equal(service.kind, SERVICE_CGROUP);
		assert_string_equal(service.name, rows[i].name);
		assert_string_equal(service.cgroup, rows[i].path);
		assert_string_equal(service.unit, "");
	}
}

static void test_no_service(void **state)
{
	static const char *const paths[] = {
		"",
		"/",
		"////",
		"/init.scope",
		"/system.slice",
		"/user.slice/user-1000.slice",
		"/user.slice/user-1000.slice/session-3.scope",
		"/user.slice/user-1000.slice/session-c1.scope/anything",
		"/user.slice/user-1000.slice/user@1000.service",
		"/user.slice/user-1000.slice/user@1000.service/init.scope",
		"/user.slice/user-1000.slice/user@1000.service/app.slice",
		"/kubepods.slice/kubepods-burstable.slice",
		"/kubepods.slice/kubepods-pod" POD_ ".slice",
		"/..",
		"/../..",
		"/../../user.slice",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(paths); i++) {
		struct cgroup_service service, before;

		memset(&service, 0xa5, sizeof(service));
		before = service;
		if (cgroup_parse(paths[i], &service))
			print_error("%s is %s\n", paths[i], service.name);
		assert_memory_equal(&service, &before, sizeof(service));
		assert_false(cgroup_parse(paths[i], &service));
	}
}

/* What LXC puts below a container is of the container. */
static void test_below_lxc(void **state)
{
	struct cgroup_service service = parse("/lxc/101/ns/init.scope");

	(void)state;
	assert_string_equal(service.name, "101");
	assert_string_equal(service.cgroup, "/lxc/101");
	service = parse("/lxc.payload.box/user.slice/user-0.slice/session-1.scope");
	assert_string_equal(service.name, "lxc.payload.box");
	assert_string_equal(service.cgroup, "/lxc.payload.box");
}

/* Names begin like those of the session manager's scopes; they are services all the same. */
static void test_like_a_session(void **state)
{
	(void)state;
	assert_string_equal(parse("/system.slice/session-store.service").unit,
			    "session-store.service");
	assert_string_equal(parse("/session-store").name, "session-store");
}

/* What lies inside a container belongs to it, unless it is a container itself. */
static void test_container_in_container(void **state)
{
	struct cgroup_service service = parse("/docker/" ID2 "/docker/" ID);

	(void)state;
	assert_string_equal(service.container_id, ID);
	/* Podman's cgroupfs driver: the pod's own id, then the container's. */
	service = parse("/libpod_parent/" ID2 "/libpod-" ID);
	assert_string_equal(service.container_id, ID);
	assert_string_equal(service.cgroup, "/libpod_parent/" ID2 "/libpod-" ID);
}

static void test_no_pod(void **state)
{
	(void)state;
	assert_string_equal(
		parse("/system.slice/podinfo-of-the-web-shop-in-production.service").pod_uid, "");
	assert_string_equal(
		parse("/system.slice/podman-auto-update-of-all-containers.service").pod_uid, "");
}

/* Each length of one component, and of a path of many, at and around the limits. */
static void test_long(void **state)
{
	_cleanup_free_ char *path = calloc(1, 20000);
	struct cgroup_service service;

	(void)state;
	assert_non_null(path);
	path[0] = '/';
	for (size_t size = 1; size < 600; size++) {
		path[size] = 'x';
		assert_int_equal(cgroup_parse(path, &service), size < NAME_BYTES);
	}
	for (size_t i = 0; i < 9999; i++)
		memcpy(path + 2 * i, "/y", 2);
	for (size_t size = 1000; size < 1100; size++) {
		char kept = path[size];

		path[size] = '\0';
		assert_true(cgroup_parse(path, &service));
		assert_true(strlen(service.cgroup) < PATH_BYTES);
		assert_memory_equal(service.cgroup, path, strlen(service.cgroup));
		path[size] = kept;
	}
	assert_true(cgroup_parse(path, &service));
	assert_string_equal(service.name, "y");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_containers),
		cmocka_unit_test(test_units),
		cmocka_unit_test(test_system_services),
		cmocka_unit_test(test_plain),
		cmocka_unit_test(test_no_service),
		cmocka_unit_test(test_below_lxc),
		cmocka_unit_test(test_like_a_session),
		cmocka_unit_test(test_container_in_container),
		cmocka_unit_test(test_no_pod),
		cmocka_unit_test(test_long),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
