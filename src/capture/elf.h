/* SPDX-License-Identifier: GPL-2.0-only */
/* What an executable says of itself. */
#ifndef SHUTWATCH_ELF_H
#define SHUTWATCH_ELF_H

#include <stdbool.h>
#include <stdint.h>

/*
 * Was the program that runs as `pid` made by the Go linker (section .go.buildinfo, since Go 1.13)?
 * False also where it cannot be read, or is no ELF file.
 */
bool elf_is_go(uint32_t pid);
bool elf_file_is_go(const char *path);
/* Is it an ELF file, rather than a script? */
bool elf_is_file(const char *path);

#endif
