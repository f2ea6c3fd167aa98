extension ModelText {
  /// What the threads of a warp, or of a block, do together.
  static let engineCollectives = #"""
    static void shuffle(u32 kind, fibre *lanes, u32 mask) {
      for (u32 m = mask; m; m &= m - 1) {
        const u32 lane = __builtin_ctz(m);
        fibre *self = &lanes[lane];
        const u32 width = (u32)self->width, first = lane & ~(width - 1), by = (u32)self->lane;
        u32 from = lane;
        switch (kind) {
        case TESSERA_MODEL_SHUFFLE: from = first | (by & (width - 1)); break;
        case TESSERA_MODEL_SHUFFLE_UP: from = lane - first >= by ? lane - by : lane; break;
        case TESSERA_MODEL_SHUFFLE_DOWN: from = lane - first + by < width ? lane + by : lane; break;
        default: from = (lane ^ by) < first + width ? lane ^ by : lane;
        }
        if (from > 31 || !(mask >> from & 1)) {
          job_report *made = report(INACTIVE_LANE, self->line, 0, nullptr, 0, from);
          made->thread = self->index;
          self->result = 0xdeadbeefdeadbeef;
        } else {
          self->result = lanes[from].value;
        }
      }
    }

    // The last thread has come: does the work of all.
    static void complete(u32 kind, u32 first, u32 mask) {
      fibre *lanes = &fibres[first];
      switch (kind) {
      case TESSERA_MODEL_SYNC:
        if (has_checks) order_warp(first, mask);
        break;
      case TESSERA_MODEL_BALLOT: {
        u64 votes = 0;
        for (u32 m = mask; m; m &= m - 1) votes |= lanes[__builtin_ctz(m)].value << __builtin_ctz(m);
        for (u32 m = mask; m; m &= m - 1) lanes[__builtin_ctz(m)].result = votes;
        break;
      }
      case TESSERA_MODEL_MMA_S8: multiply_bytes(lanes); break;
      case TESSERA_MODEL_MMA_F16: multiply_halves(lanes); break;
      case TESSERA_MODEL_MMA_F64: multiply_doubles(lanes); break;
      case TESSERA_MODEL_LDMATRIX: load_matrices(lanes); break;
      default: shuffle(kind, lanes, mask);
      }
    }

    SEEN u64 tessera_model_collective(u32 kind, u32 mask, u64 value, i32 lane, i32 width) {
      fibre *self = running;
      warp *mine = &warps[self->index / 32];
      const u32 bit = 1u << (self->index & 31), line = CALLED_FROM;
      self->kind = kind;
      self->mask = mask;
      self->line = line;
      self->value = value;
      self->lane = lane;
      self->width = width;
      if (!(mask & bit)) fail(DIVERGED, line, 0, nullptr, 0, mask);
      mask &= mine->exists;
      u32 at = 0;
      while (at < mine->meetings
             && (mine->meeting[at].line != line || mine->meeting[at].mask != mask
                 || mine->meeting[at].kind != kind))
        at++;
      meeting *here = &mine->meeting[at];
      if (at == mine->meetings) {
        mine->meetings++;
        *here = meeting{kind, mask, line, 0};
      }
      here->arrived |= bit;
      if (here->arrived != mask) {
        self->state = AT_WARP;
        mine->ready &= ~bit;
        suspend();
        return self->result;
      }
      *here = mine->meeting[--mine->meetings];
      complete(kind, self->index & ~31u, mask);
      for (u32 m = mask; m; m &= m - 1) fibres[(self->index & ~31u) + __builtin_ctz(m)].state = READY;
      mine->ready |= mask;
      return self->result;
    }

    SEEN void tessera_model_sync_block() {
      fibre *self = running;
      const u32 line = CALLED_FROM;
      self->line = line;
      static u32 first_line, first_thread;
      if (!arrived_at_block) {
        first_line = line;
        first_thread = self->index;
      } else if (line != first_line) {
        report(DIVERGED, line, first_line, nullptr, 0)->other_thread = first_thread;
        stop();
      }
      if (++arrived_at_block < threads) {
        self->state = AT_BLOCK;
        warps[self->index / 32].ready &= ~(1u << (self->index & 31));
        suspend();
        return;
      }
      arrived_at_block = 0;
      block_floor = ++tick;
      for (u32 t = 0; t < threads; t++) {
        fibres[t].state = READY;
        fibres[t].epoch = tick;
      }
      for (u32 w = 0; w < warp_count; w++) warps[w].ready = warps[w].exists;
    }

    // Whether a thread waits at a barrier or shuffle that another has not come to.
    static bool is_awaited(const fibre *other, const fibre *self) {
      if (self->state == AT_BLOCK) return other->state != AT_BLOCK;
      if (self->state != AT_WARP || self->index / 32 != other->index / 32) return false;
      if (!(self->mask >> (other->index & 31) & 1)) return false;
      return other->state != AT_WARP || other->kind != self->kind || other->line != self->line
          || other->mask != self->mask;
    }
    // Nobody can go on: says why. The line of a thread that waits, and that of the one it waits for. What
    // others wait for in turn comes first: a thread that has ended, then warps, then the block.
    static RARE void explain_standstill() {
      for (u32 turn = 0; turn < 4; turn++)
        for (u32 t = 0; t < threads; t++)
          for (u32 u = 0; u < threads; u++) {
            const fibre *self = &fibres[t], *other = &fibres[u];
            if (self->state != (turn % 2 ? AT_BLOCK : AT_WARP) || (turn < 2 && other->state != EXITED)) continue;
            if (!is_awaited(other, self) || other->state == AT_BARRIER) continue;
            running = &fibres[t];
            job_report *made = other->state == EXITED ? report(EXITED_EARLY, self->line, 0, nullptr, 0)
                : report(DIVERGED, self->line, other->line, nullptr, 0);
            made->other_thread = u;
            return;
          }
      for (u32 t = 0; t < threads; t++) {
        if (fibres[t].state != AT_BARRIER) continue;
        running = &fibres[t];
        report(DEADLOCK, fibres[t].line, 0, slots[0].start + barriers[fibres[t].barrier].offset, 8);
        return;
      }
      report(DEADLOCK, 0, 0, nullptr, 0);
    }
    """#
}
