extension ModelText {
  /// Several processes over the blocks of one grid, for runs without checks: they share the buffers and the
  /// job, and meet after each launch.
  static let engineWorkers = #"""
    struct meeting_point {
      u32 arrived, generation, next_block, must_stop;
    };
    static meeting_point *point;
    static u32 worker, workers;

    // The next of a launch's blocks that nobody has begun.
    INLINE u32 take_block() { return __atomic_fetch_add(&point->next_block, 1, __ATOMIC_RELAXED); }
    INLINE bool must_stop() { return __atomic_load_n(&point->must_stop, __ATOMIC_ACQUIRE) != 0; }

    static void wake_workers() { call(FUTEX, (i64)&point->generation, 1, 1 << 20, 0, 0); }
    // Also what one wrote before is seen by all behind.
    static void meet_workers() {
      const u32 generation = __atomic_load_n(&point->generation, __ATOMIC_ACQUIRE);
      if (__atomic_add_fetch(&point->arrived, 1, __ATOMIC_ACQ_REL) == workers) {
        point->arrived = point->next_block = 0;
        __atomic_store_n(&point->generation, generation + 1, __ATOMIC_RELEASE);
        if (workers > 1) wake_workers();
        return;
      }
      u32 turn = 0;
      while (__atomic_load_n(&point->generation, __ATOMIC_ACQUIRE) == generation && !must_stop())
        if (++turn > 2000) call(FUTEX, (i64)&point->generation, 0, generation, 0, 0);
    }
    // Ends all of them, before their next block.
    static void stop_workers() {
      __atomic_store_n(&point->must_stop, 1, __ATOMIC_RELEASE);
      __atomic_add_fetch(&point->generation, 1, __ATOMIC_ACQ_REL);
      if (workers > 1) wake_workers();
    }
    static void begin_workers() {
      point = (meeting_point *)map(0, sizeof(meeting_point), READ | WRITE, SHARED);
      workers = has_checks || head->workers < 1 ? 1 : (u32)head->workers;
      const i64 signal_of_an_end = 17;
      for (u32 next = 1; next < workers; next++) {
        const i64 child = call(CLONE, signal_of_an_end, 0, 0, 0, 0);
        if (child < 0) leave(3);
        if (child == 0) {
          worker = next;
          const i64 signal_of_parents_end = 1, kill = 9;
          call(CONTROL, signal_of_parents_end, kill, 0, 0, 0);
          return;
        }
      }
    }
    """#
}
