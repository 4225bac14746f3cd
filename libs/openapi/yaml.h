/* YAML documents as JSON text. */
#ifndef GANNET_OPENAPI_YAML_H
#define GANNET_OPENAPI_YAML_H

#include "core/buf.h"

#define YAML_NODES_MAX 2000000 /* after aliases are followed: a bomb of aliases ends here */
#define YAML_DEPTH_MAX 128

/*
 * One document of YAML 1.2's core schema (and 1.1's merge key "<<"), appended to `out` as JSON. Errors name line and
 * column: syntax, duplicate or non-scalar keys, unknown anchors, more than one document, numbers that JSON has no form for.
 */
enum status yaml_to_json(struct span text, struct buf *out, struct err *err) must_check;

#endif
