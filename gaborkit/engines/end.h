/* Ends what passes.h defines for one precision. */

#undef LANES
#undef TILE
#undef VECTORS
#undef VECTOR
#undef LOAD
#undef STORE
