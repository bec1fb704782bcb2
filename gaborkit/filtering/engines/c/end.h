/* Ends what outputs.h defines for one precision. */

#undef LANES
#undef TILE
#undef STRIP
#undef VECTORS
#undef VECTOR
#undef LOAD
#undef STORE
#undef ABREAST
#undef SPAN_SIZE
#undef OCTET
#undef SPAN
#undef COCTET
#undef CSPAN
