/* SPDX-License-Identifier: ISC */
/* help: text that no table holds. */
#include "oxview/help.h"

#include "include/blueox.h"

void
help_text(const struct settings *s, struct buf *out)
{
	buf_puts(out,
	    "usage: oxview [OPTION]... [FILE]...\n"
	    "\n"
	    "Shows BlueOx events: from log files, a log directory, standard input, or an oxd as they happen.\n"
	    "\n"
	    "  oxview -l /var/log/blueox -n 'web*' --start-date -2h     what web... did in the last two hours\n"
	    "  oxview -l /var/log/blueox -s today --errors-only -p      today's failures, with their stacks\n"
	    "  oxview -l /var/log/blueox -w 'response.status >= 500'    failed requests\n"
	    "  oxview -l /var/log/blueox --sort duration -r -L 10       the ten slowest\n"
	    "  oxview -l /var/log/blueox --id 6745a1b2 --tree           one request, and all that happened in it\n"
	    "  oxview -H                                                this host, live\n"
	    "  zstdcat old.log.zst | oxview | jq .                      JSON in a pipe\n"
	    "\n");
	settings_help(s, out);
	buf_puts(out,
	    "\nDates: 20120313, \"20120313 10:30\", 2012-03-13T10:30:00Z, seconds since the epoch, now, today, "
	    "yesterday,\n"
	    "-2h, -30m, -1.5d; UTC unless an offset is given.  Every option is a variable too: OXVIEW_LOG_PATH=DIR.\n"
	    "Exit status: 0, also when nothing was found; 1 when something was skipped or unreadable; 2 for usage.\n");
}

void
help_man(const struct settings *s, struct buf *out)
{
	buf_puts(out,
	    ".TH OXVIEW 1 \"\" \"BlueOx " BX_VERSION "\" \"BlueOx\"\n"
	    ".SH NAME\noxview \\- show BlueOx events\n"
	    ".SH SYNOPSIS\n.B oxview\n[\\fIOPTION\\fR]... [\\fIFILE\\fR]...\n"
	    ".SH DESCRIPTION\n"
	    "Shows events from the files named (\\fB\\-\\fR is standard input), from the log directory of an oxd\n"
	    "(\\fB\\-\\-log\\-path\\fR), live from an oxd (\\fB\\-\\-host\\fR), or from standard input when it is no\n"
	    "terminal.\nOnly one of these at a time.\n"
	    ".SH OPTIONS\n");
	settings_man(s, out);
	buf_puts(out,
	    ".SH ORDER\n"
	    "Files named as arguments are shown one after the other, as they are.\n"
	    "From a log directory the files of one type follow each other by date, and types are merged by the time\n"
	    "at which events ended.\nWithin a type the order is that of arrival at the log, so an event that came late "
	    "is shown late;\n"
	    ".B \\-\\-sort end\norders all strictly.\n"
	    "With \\fB\\-\\-sort\\fR an event without the field comes last, \\fB\\-\\-reverse\\fR or not.\n"
	    "A field is named by its dotted path, as in a filter.\n"
	    "Events to be sorted are held in memory, or the best N of them with \\fB\\-\\-limit\\fR; past\n"
	    "\\fB\\-\\-memory\\fR oxview says so and shows nothing.\n"
	    ".SH FILTERS AND FIELDS\n"
	    "\\fB\\-\\-where\\fR takes a condition over an event:\n"
	    ".RS\n.nf\nresponse.status >= 500 && duration > 250ms && user_agent ~ \"curl\"\n.fi\n.RE\n"
	    "Paths name fields of the body, or where it has none so called, of the top: \\fBid\\fR, \\fBtype\\fR,\n"
	    "\\fBhost\\fR, \\fBpid\\fR, \\fBstart\\fR, \\fBend\\fR, \\fBspan\\fR, \\fBparent\\fR.\n"
	    "With a dot in front, as \\fB.type\\fR, they are looked for at the top only.\n"
	    "\\fBduration\\fR is the end less the start, in seconds.\n"
	    "Comparisons are \\fB== != < <= > >=\\fR, \\fB~ !~\\fR (a regular expression), \\fB^=\\fR (starts with),\n"
	    "\\fBin (...)\\fR and \\fBexists\\fR; they are joined by \\fB&& || !\\fR and parentheses.\n"
	    "Values are numbers, durations (\\fB250ms\\fR), sizes (\\fB64k\\fR), dates (\\fB2026\\-11\\-22\\fR,\n"
	    "\\fBdate(\"\\-2h\")\\fR), text in quotes, \\fBtrue\\fR, \\fBfalse\\fR and \\fBnil\\fR.\n"
	    "A comparison that makes no sense is false.\n"
	    "doc/FILTER.md has the whole language.\n"
	    ".SH TYPES\n"
	    "A pattern of \\fB\\-\\-type\\-name\\fR is a type, or has \\fB*\\fR for any run of characters, dots "
	    "included:\n"
	    "\\fBweb.*\\fR, \\fB*.sql\\fR.\n"
	    ".SH DATES\n"
	    "\\fB20120313\\fR or \\fB2012\\-03\\-13\\fR (a day), \\fB20120313 10\\fR, \\fB20120313 10:30\\fR,\n"
	    "\\fB2012\\-03\\-13T10:30:15.5Z\\fR, \\fB2012\\-03\\-13 10:30+02:00\\fR, seconds since the epoch,\n"
	    "\\fBnow\\fR, \\fBtoday\\fR, \\fByesterday\\fR, and times ago: \\fB\\-90s\\fR, \\fB\\-30m\\fR, "
	    "\\fB\\-2h\\fR,\n"
	    "\\fB\\-1.5d\\fR.\nUTC unless an offset is given.\n"
	    "Both ends of the range belong to it, to the microsecond.\nWhat counts is when the event ended.\n"
	    "Log files are never left out by the date in their name, which is when events arrived.\n"
	    ".SH JSON\n"
	    "Keys keep their order, integers their 64 bits; floats are the shortest text that reads back the same.\n"
	    "What JSON cannot say: bytes, and text that is not UTF\\-8, \\fB{\"$bin\": base64}\\fR; not a number and\n"
	    "infinities \\fB{\"$num\": \"nan\"|\"inf\"|\"\\-inf\"}\\fR; maps whose keys are not all text\n"
	    "\\fB{\"$map\": [[key, value]...]}\\fR; extension types \\fB{\"$ext\": [type, base64]}\\fR.\n"
	    "A map that has one of these four keys itself is written as \\fB$map\\fR.\n"
	    ".SH TREE\n"
	    "Events with one id make one tree; an event lies under the one whose span is its parent.\n"
	    "Events of clients that send no spans lie under the event of the group whose type is a prefix of theirs\n"
	    "and whose time holds theirs.\n"
	    "The bar shows when in the tree's time an event ran.\n"
	    "Where a parent is not among what was read its place is marked \\fB?\\fR.\n"
	    "Long runs of like events are cut short, with their number, sum and extremes; \\fB\\-\\-verbose\\fR shows "
	    "all.\n"
	    "Lines are cut at the width of the terminal, or at \\fBCOLUMNS\\fR; elsewhere they are whole.\n"
	    ".SH DAMAGE\n"
	    "Where bytes are no event oxview says so with file and offset, looks for the next byte from which a whole\n"
	    "event of the usual form can be read, goes on there, and exits 1.\n"
	    "A file that ends inside an event is told of in the same way.\n"
	    "An event may have up to 16 MiB.\n"
	    ".SH SYMBOLS\n"
	    "\\fB\\-\\-pretty\\fR names the functions of a stack from the modules on this host, and from\n"
	    "/usr/lib/debug/.build\\-id, whose build id is the one in the event; with debugging information also file\n"
	    "and line.\nOther frames are module and offset, as \\fBaddr2line \\-e\\fR takes them.\n"
	    ".SH ENVIRONMENT\n"
	    "Every long option can be given as \\fBOXVIEW_\\fR and its name in upper case, \\fB_\\fR for \\fB\\-\\fR:\n"
	    "\\fBOXVIEW_LOG_PATH\\fR.\nOptions come before variables.\n"
	    "\\fBNO_COLOR\\fR turns colour off; it is used on terminals only.\n"
	    ".SH EXIT STATUS\n"
	    "0, also when nothing was found; 1 when something was skipped or could not be read; 2 for a mistake in "
	    "the\n"
	    "arguments.\n"
	    ".SH SEE ALSO\n.BR oxd (8),\n.BR oxctl (1)\n");
}
