/* SPDX-License-Identifier: ISC */
/* dw: what oxview calls of elfutils' libdw, for names of places in stacks. */
#include <elfutils/libdw.h>
#include <elfutils/libdwfl.h>

#include "oxview/late/late.h"

#define LATE_LIBRARY "libdw.so.1"

LATE(Dwarf_Attribute *, dwarf_attr, (Dwarf_Die * die, unsigned int name, Dwarf_Attribute *out), (die, name, out))
LATE(Dwarf_Attribute *, dwarf_attr_integrate, (Dwarf_Die * die, unsigned int name, Dwarf_Attribute *out),
    (die, name, out))
LATE(const char *, dwarf_diename, (Dwarf_Die * die), (die))
LATE(const char *, dwarf_filesrc, (Dwarf_Files * files, size_t i, Dwarf_Word *changed, Dwarf_Word *n),
    (files, i, changed, n))
LATE(const char *, dwarf_formstring, (Dwarf_Attribute * attr), (attr))
LATE(int, dwarf_formudata, (Dwarf_Attribute * attr, Dwarf_Word *out), (attr, out))
LATE(int, dwarf_getscopes, (Dwarf_Die * unit, Dwarf_Addr pc, Dwarf_Die **out), (unit, pc, out))
LATE(int, dwarf_getscopes_die, (Dwarf_Die * die, Dwarf_Die **out), (die, out))
LATE(int, dwarf_getsrcfiles, (Dwarf_Die * unit, Dwarf_Files **out, size_t *n), (unit, out, n))
LATE(int, dwarf_tag, (Dwarf_Die * die), (die))
LATE(Dwfl *, dwfl_begin, (const Dwfl_Callbacks *callbacks), (callbacks))
LATE(int, dwfl_build_id_find_elf,
    (Dwfl_Module * m, void **data, const char *name, Dwarf_Addr base, char **file, Elf **elf),
    (m, data, name, base, file, elf))
LATE(void, dwfl_end, (Dwfl * session), (session))
LATE(debuginfod_client *, dwfl_get_debuginfod_client, (Dwfl * session), (session))
LATE(const char *, dwfl_lineinfo,
    (Dwfl_Line * line, Dwarf_Addr *at, int *number, int *column, Dwarf_Word *changed, Dwarf_Word *n),
    (line, at, number, column, changed, n))
LATE(Dwarf_Die *, dwfl_module_addrdie, (Dwfl_Module * m, Dwarf_Addr at, Dwarf_Addr *bias), (m, at, bias))
LATE(const char *, dwfl_module_addrinfo,
    (Dwfl_Module * m, GElf_Addr at, GElf_Off *offset, GElf_Sym *symbol, GElf_Word *section, Elf **elf,
	Dwarf_Addr *bias),
    (m, at, offset, symbol, section, elf, bias))
LATE(int, dwfl_module_build_id, (Dwfl_Module * m, const unsigned char **bits, GElf_Addr *at), (m, bits, at))
LATE(Dwarf *, dwfl_module_getdwarf, (Dwfl_Module * m, Dwarf_Addr *bias), (m, bias))
LATE(Elf *, dwfl_module_getelf, (Dwfl_Module * m, GElf_Addr *bias), (m, bias))
LATE(Dwfl_Line *, dwfl_module_getsrc, (Dwfl_Module * m, Dwarf_Addr at), (m, at))
LATE(int, dwfl_offline_section_address,
    (Dwfl_Module * m, void **data, const char *name, Dwarf_Addr base, const char *section, GElf_Word index,
	const GElf_Shdr *header, Dwarf_Addr *at),
    (m, data, name, base, section, index, header, at))
LATE(int, dwfl_report_end,
    (Dwfl * session, int (*removed)(Dwfl_Module *m, void *data, const char *name, Dwarf_Addr base, void *context),
	void *context),
    (session, removed, context))
LATE(Dwfl_Module *, dwfl_report_offline, (Dwfl * session, const char *name, const char *file, int fd),
    (session, name, file, fd))
LATE(int, dwfl_standard_find_debuginfo,
    (Dwfl_Module * m, void **data, const char *name, Dwarf_Addr base, const char *file, const char *link, GElf_Word crc,
	char **path),
    (m, data, name, base, file, link, crc, path))
