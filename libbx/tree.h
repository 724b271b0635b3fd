/* SPDX-License-Identifier: ISC */
/*
 * tree: the body of an event whose keys nest, or that has lists, or many keys.
 *
 * What fields hold is then a log of records, [node, bytes][content], in the same memory and in the order in which they
 * came; the content of a field is its last part as MessagePack and its value, of a map or list its last part, of an
 * item its value.  The nodes say how they hang together, in memory of their own that is made at the first need and kept.
 * A record that its node does not point at is dead, and goes when there is need of room.
 *
 * All steps are bounded: a part is looked for among at most TREE_WALKED others, or by hash.
 */
#ifndef BLUEOX_TREE_H
#define BLUEOX_TREE_H

#include "libbx/fields.h"

/* Turns the fields into a tree.  False when there is no memory for one. */
bool tree_make(struct fields *f);

/* As the functions of fields.h, for fields that are a tree. */
uint8_t *tree_reserve(struct fields *f, struct field_key key, uint32_t value_max, bool item);
void tree_commit(struct fields *f, struct field_key key, const uint8_t *value_end);
void tree_commit_item(struct fields *f, struct field_key key, const uint8_t *value_end);
uint8_t *tree_find(struct fields *f, struct field_key key, uint32_t *len);
uint8_t *tree_write(const struct fields *f, uint8_t *p);

#endif
