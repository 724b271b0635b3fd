/* SPDX-License-Identifier: ISC */
/*
 * wrap_pq_lo: large objects; one event a call, though lo_import makes many more inside.
 *
 * They tell that they failed by their number alone; why is what their last inner PQfn or PQexec was told by the server.
 */
#include "preload/real.h"

#include "preload/pq_call.h"

static bool
begin(struct pq_call *call, void *caller, PGconn *pg, const char *function)
{
	return pq_plain_begin(call, caller, pg, function);
}

static void
begin_with_oid(struct pq_call *call, void *caller, PGconn *pg, const char *function, Oid oid)
{
	if (begin(call, caller, pg, function))
		span_set(call->command->span, "oid", oid);
}

/* What is negative has failed. */
static int
end(struct pq_call *call, int result)
{
	pq_plain_end(call, result < 0);
	return result;
}

static int64_t
end_wide(struct pq_call *call, int64_t result)
{
	pq_plain_end(call, result < 0);
	return result;
}

static int
end_with_bytes(struct pq_call *call, int result)
{
	if (call->command && result > 0)
		call->command->copied_bytes = (uint64_t)result;
	return end(call, result);
}

static Oid
end_with_oid(struct pq_call *call, Oid oid)
{
	if (call->command && oid != InvalidOid)
		span_set(call->command->span, "oid", oid);
	pq_plain_end(call, oid == InvalidOid);
	return oid;
}

WRAPPER int
lo_open(PGconn *pg, Oid oid, int mode)
{
	struct pq_call call;
	begin_with_oid(&call, CALLER, pg, "lo_open", oid);
	return end(&call, call.real->lo_open(pg, oid, mode));
}

WRAPPER int
lo_close(PGconn *pg, int fd)
{
	struct pq_call call;
	begin(&call, CALLER, pg, "lo_close");
	return end(&call, call.real->lo_close(pg, fd));
}

WRAPPER int
lo_read(PGconn *pg, int fd, char *buffer, size_t n)
{
	struct pq_call call;
	begin(&call, CALLER, pg, "lo_read");
	return end_with_bytes(&call, call.real->lo_read(pg, fd, buffer, n));
}

WRAPPER int
lo_write(PGconn *pg, int fd, const char *buffer, size_t n)
{
	struct pq_call call;
	begin(&call, CALLER, pg, "lo_write");
	return end_with_bytes(&call, call.real->lo_write(pg, fd, buffer, n));
}

WRAPPER int
lo_lseek(PGconn *pg, int fd, int offset, int whence)
{
	struct pq_call call;
	begin(&call, CALLER, pg, "lo_lseek");
	return end(&call, call.real->lo_lseek(pg, fd, offset, whence));
}

WRAPPER pg_int64
lo_lseek64(PGconn *pg, int fd, pg_int64 offset, int whence)
{
	struct pq_call call;
	begin(&call, CALLER, pg, "lo_lseek64");
	return end_wide(&call, call.real->lo_lseek64(pg, fd, offset, whence));
}

WRAPPER Oid
lo_creat(PGconn *pg, int mode)
{
	struct pq_call call;
	begin(&call, CALLER, pg, "lo_creat");
	return end_with_oid(&call, call.real->lo_creat(pg, mode));
}

WRAPPER Oid
lo_create(PGconn *pg, Oid oid)
{
	struct pq_call call;
	begin(&call, CALLER, pg, "lo_create");
	return end_with_oid(&call, call.real->lo_create(pg, oid));
}

WRAPPER int
lo_tell(PGconn *pg, int fd)
{
	struct pq_call call;
	begin(&call, CALLER, pg, "lo_tell");
	return end(&call, call.real->lo_tell(pg, fd));
}

WRAPPER pg_int64
lo_tell64(PGconn *pg, int fd)
{
	struct pq_call call;
	begin(&call, CALLER, pg, "lo_tell64");
	return end_wide(&call, call.real->lo_tell64(pg, fd));
}

WRAPPER int
lo_truncate(PGconn *pg, int fd, size_t n)
{
	struct pq_call call;
	begin(&call, CALLER, pg, "lo_truncate");
	return end(&call, call.real->lo_truncate(pg, fd, n));
}

WRAPPER int
lo_truncate64(PGconn *pg, int fd, pg_int64 n)
{
	struct pq_call call;
	begin(&call, CALLER, pg, "lo_truncate64");
	return end(&call, call.real->lo_truncate64(pg, fd, n));
}

WRAPPER int
lo_unlink(PGconn *pg, Oid oid)
{
	struct pq_call call;
	begin_with_oid(&call, CALLER, pg, "lo_unlink", oid);
	return end(&call, call.real->lo_unlink(pg, oid));
}

WRAPPER Oid
lo_import(PGconn *pg, const char *path)
{
	struct pq_call call;
	begin(&call, CALLER, pg, "lo_import");
	return end_with_oid(&call, call.real->lo_import(pg, path));
}

WRAPPER Oid
lo_import_with_oid(PGconn *pg, const char *path, Oid oid)
{
	struct pq_call call;
	begin(&call, CALLER, pg, "lo_import_with_oid");
	return end_with_oid(&call, call.real->lo_import_with_oid(pg, path, oid));
}

WRAPPER int
lo_export(PGconn *pg, Oid oid, const char *path)
{
	struct pq_call call;
	begin_with_oid(&call, CALLER, pg, "lo_export", oid);
	return end(&call, call.real->lo_export(pg, oid, path));
}
