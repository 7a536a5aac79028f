// SPDX-License-Identifier: GPL-2.0-only
/* Looks at the names of the sections and nothing else. The file may be anything. */
#include "src/capture/elf.h"

#include <fcntl.h>
#include <gelf.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "src/base/cleanup.h"

#define SECTIONS_MAX 512 /* more are not looked at: a Go program has some 40 */

static bool has_section(Elf *elf, const char *wanted)
{
	Elf_Scn *section = NULL;
	size_t names, seen = 0;

	if (elf_getshdrstrndx(elf, &names))
		return false;
	while ((section = elf_nextscn(elf, section)) && seen++ < SECTIONS_MAX) {
		GElf_Shdr header;
		const char *name;

		if (!gelf_getshdr(section, &header))
			return false;
		name = elf_strptr(elf, names, header.sh_name);
		if (name && strcmp(name, wanted) == 0)
			return true;
	}
	return false;
}

bool elf_is_go(uint32_t pid)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%u/exe", pid);
	return elf_file_is_go(path);
}

bool elf_is_file(const char *path)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	char magic[SELFMAG];

	return fd >= 0 && read(fd, magic, SELFMAG) == SELFMAG &&
	       memcmp(magic, ELFMAG, SELFMAG) == 0;
}

bool elf_file_is_go(const char *path)
{
	_cleanup_close_ int fd = -1;
	bool is_go = false;
	Elf *elf;

	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || elf_version(EV_CURRENT) == EV_NONE)
		return false;
	elf = elf_begin(fd, ELF_C_READ, NULL); /* no mapping: the file may shrink */
	if (elf && elf_kind(elf) == ELF_K_ELF)
		is_go = has_section(elf, ".go.buildinfo");
	elf_end(elf);
	return is_go;
}
