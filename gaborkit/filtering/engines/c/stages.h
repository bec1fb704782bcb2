/* Stages of a program, for one precision: what halves, filters and doubles, in any thread. */

static size_t NAME(numbers)(const struct stage *stage) {
    return stage->kind == FILTER  ? NAME(filter_numbers)(stage->work)
           : stage->kind == TWICE ? NAME(double_numbers)(stage->work)
                                  : NAME(halve_numbers)(stage->work);
}

static void NAME(do_piece)(const struct stage *stage, int64_t piece, int thread, REAL *memory,
                           NAME(desk) * desk) {
    const struct job *job = stage->kind == FILTER  ? &((const struct filtering *)stage->work)->job
                            : stage->kind == TWICE ? &((const struct doubling *)stage->work)->job
                                                   : NULL;
    if (job && job->use == SUMMED)
        desk->sums = job->sums + thread * job->sums_step;
    switch (stage->kind) {
        case HALVE_ROWS:
            NAME(halve_rows)(stage->work, piece, memory, desk);
            break;
        case HALVE_COLUMNS:
            NAME(halve_columns)(stage->work, piece, memory, desk);
            break;
        case FILTER:
            NAME(filter)(stage->work, piece, memory, desk);
            break;
        case TWICE:
            NAME(twice)(stage->work, piece, memory, desk);
            break;
    }
}

/* Take pieces of any stage whose turn has come until all is done or `stop` is set; returns 1
   without memory.

   Every thread calls this once. Without memory, a thread leaves all pieces to the others. */
EXPORT int NAME(perform)(struct stage *stages, int32_t count, int32_t kernels, int32_t thread,
                         const int32_t *stop) {
    size_t most = 0;
    for (int32_t i = 0; i < count; i++) {
        const size_t numbers = NAME(numbers)(stages + i);
        most = numbers > most ? numbers : most;
    }
    const size_t spare = 2 * STRIP * sizeof(REAL), moments = kernels * sizeof(NAME(moments));
    char *memory = malloc(spare + moments + most * sizeof(REAL) + TILE_BYTES);
    if (!memory)
        return 1;
    char *start = memory + (-(uintptr_t)memory & (TILE_BYTES - 1));
    NAME(desk) desk = {(REAL *)start, (NAME(moments) *)(start + spare), NULL, stop};
    memset(desk.moments, 0, moments);
    REAL *room = (REAL *)(start + spare + moments);
    for (int idle = 0; !is_stopped(stop);) {
        int waiting = 0, taken = 0;
        for (int32_t i = 0; i < count && !taken; i++) {
            struct stage *stage = stages + i;
            if (__atomic_load_n(&stage->next, __ATOMIC_RELAXED) >= stage->pieces)
                continue;
            if (!is_due(stages, stage)) {
                waiting = 1;
                continue;
            }
            const int64_t piece = __atomic_fetch_add(&stage->next, 1, __ATOMIC_RELAXED);
            if (piece >= stage->pieces)
                continue;
            NAME(do_piece)(stage, piece, thread, room, &desk);
            __atomic_fetch_add(&stage->done, 1, __ATOMIC_RELEASE);
            taken = 1;
        }
        if (!taken && !waiting)
            break;
        idle = taken ? 0 : idle + 1;
        if (idle > PATIENCE)
            give_way();
    }
    free(memory);
    return 0;
}
