/* SPDX-License-Identifier: ISC */
/* log_names: what syslog's numbers are called in events. */
#ifndef BLUEOX_PRELOAD_LOG_NAMES_H
#define BLUEOX_PRELOAD_LOG_NAMES_H

/* By the three bits of LOG_PRI(). */
const char *log_level_name(int priority);

/* By LOG_FAC() of a facility, which is a number of 0 to 23; "unknown" else. */
const char *log_facility_name(int facility);

#endif
