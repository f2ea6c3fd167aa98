extension ModelText {
  /// The matrix instructions, on the fragments of all threads of a warp.
  ///
  /// Fragments: PTX ISA, "Matrix Fragments for mma.m16n8k32", "mma.m16n8k16" and "mma.m8n8k4 with .f64". The sum of half products:
  /// Khattak and Mikaitis, MATLAB-tensor-core; MMA-Sim, arXiv 2511.10909.
  static let engineMatrices = #"""
    struct fragments {
      void *d;
      const u32 *a, *b;
    };
    INLINE const fragments *fragments_of(const fibre *lane) { return (const fragments *)lane->value; }
    // Element i of four in thread `lane` of d, 16 x 8.
    INLINE u32 row_of(u32 lane, u32 i) { return lane / 4 + i / 2 * 8; }
    INLINE u32 column_of(u32 lane, u32 i) { return lane % 4 * 2 + i % 2; }

    // 16 x 32 bytes times 32 x 8 bytes, added to d exactly, modulo 2^32.
    static void multiply_bytes(fibre *lanes) {
      signed char a[16][32], b[8][32];
      for (u32 lane = 0; lane < 32; lane++) {
        const fragments *part = fragments_of(&lanes[lane]);
        for (u32 r = 0; r < 4; r++)
          memcpy(&a[lane / 4 + r % 2 * 8][lane % 4 * 4 + r / 2 * 16], &part->a[r], 4);
        for (u32 r = 0; r < 2; r++) memcpy(&b[lane / 4][lane % 4 * 4 + r * 16], &part->b[r], 4);
      }
      for (u32 lane = 0; lane < 32; lane++)
        for (u32 i = 0; i < 4; i++) {
          i32 sum = 0;
          for (u32 k = 0; k < 32; k++) sum += a[row_of(lane, i)][k] * b[column_of(lane, i)][k];
          u32 *d = (u32 *)fragments_of(&lanes[lane])->d + i;
          *d += (u32)sum;
        }
    }

    // 8 x 4 numbers of binary64 times 4 x 8, added to d: integers, whose sums are exact.
    static void multiply_doubles(fibre *lanes) {
      double a[8][4], b[8][4];
      for (u32 lane = 0; lane < 32; lane++) {
        const fragments *part = fragments_of(&lanes[lane]);
        memcpy(&a[lane / 4][lane % 4], part->a, 8);
        memcpy(&b[lane / 4][lane % 4], part->b, 8);
      }
      for (u32 lane = 0; lane < 32; lane++)
        for (u32 i = 0; i < 2; i++) {
          double *d = (double *)fragments_of(&lanes[lane])->d + i;
          for (u32 k = 0; k < 4; k++) *d += a[lane / 4][k] * b[lane % 4 * 2 + i][k];
        }
    }

    // Halves as signed significands of 10 fraction bits, with exponents; far below all others for zero.
    struct half_row {
      i32 significands[16], exponents[16];
      bool is_finite;
    };
    enum { EXPONENT_OF_ZERO = -10000 };
    static void split_halves(const u16 *bits, half_row *row) {
      row->is_finite = true;
      for (u32 k = 0; k < 16; k++) {
        const i32 field = bits[k] >> 10 & 31, fraction = bits[k] & 1023;
        const i32 size = field ? fraction | 1024 : fraction;
        row->significands[k] = bits[k] >> 15 ? -size : size;
        row->exponents[k] = size ? (field ? field : 1) - 15 : EXPONENT_OF_ZERO;
        row->is_finite = row->is_finite && field < 31;
      }
    }
    INLINE i64 shifted(i64 size, i32 left) { return left >= 0 ? size << left : left > -63 ? size >> -left : 0; }

    // c plus the products of a block of finite halves: each term is cut to `matrix_bits` bits below the largest
    // exponent, the sum is exact, and cut to binary32.
    template <u32 length> static u32 add_block(const half_row *a, const half_row *b, u32 first, u32 c) {
      const i32 bits = (i32)head->matrix_bits;
      const i32 c_field = c >> 23 & 255;
      const i64 c_size = c_field ? (c & 0x7fffff) | 0x800000 : c & 0x7fffff;
      const i32 c_exponent = (c_field ? c_field : 1) - 127;
      i32 top = (i32)head->matrix_floor;
      if (c_size && c_exponent > top) top = c_exponent;
      for (u32 k = first; k < first + length; k++) {
        const i32 exponent = a->exponents[k] + b->exponents[k];
        top = exponent > top ? exponent : top;
      }
      i64 sum = shifted(c_size, bits - 23 + c_exponent - top);
      if (c >> 31) sum = -sum;
      // Products have 20 fraction bits and at most 22 bits: 32 bits hold them with those that are kept.
      for (u32 k = first; k < first + length; k++) {
        const i32 product = a->significands[k] * b->significands[k];
        const i32 below = top - (a->exponents[k] + b->exponents[k]);
        const i32 size = (product < 0 ? -product : product) << (bits - 20) >> (below < 31 ? below : 31);
        sum += product < 0 ? -size : size;
      }
      if (sum == 0) return 0;
      const u32 sign = sum < 0 ? 0x80000000 : 0;
      const u64 size = sum < 0 ? (u64)-sum : (u64)sum;
      const i32 exponent = 63 - __builtin_clzll(size) + top - bits;
      if (exponent > 127) return sign | 0x7f800000;
      const i32 last = exponent - 23 > -149 ? exponent - 23 : -149;
      const u64 kept = (u64)shifted((i64)size, top - bits - last);
      return sign | (kept < 1u << 23 ? (u32)kept : (u32)(last + 150) << 23 | ((u32)kept & 0x7fffff));
    }
    // The same where an operand is infinite or NaN; says whether one is.
    static bool add_specials(const u16 *a, const u16 *b, u32 length, u32 c, u32 *sum) {
      bool is_nan = (c & 0x7fffffff) > 0x7f800000, has_infinity[2] = {false, false};
      if ((c & 0x7fffffff) == 0x7f800000) has_infinity[c >> 31] = true;
      for (u32 k = 0; k < length; k++) {
        const u32 x = a[k] & 0x7fff, y = b[k] & 0x7fff;
        if (x < 0x7c00 && y < 0x7c00) continue;
        if (x > 0x7c00 || y > 0x7c00 || !x || !y) is_nan = true;
        else has_infinity[(a[k] ^ b[k]) >> 15] = true;
      }
      if (has_infinity[0] && has_infinity[1]) is_nan = true;
      *sum = is_nan ? 0x7fffffff : has_infinity[1] ? 0xff800000 : 0x7f800000;
      return is_nan || has_infinity[0] || has_infinity[1];
    }

    // 16 x 16 halves times 16 x 8 halves, added to d in blocks of `matrix_length` products, ascending.
    static void multiply_halves(fibre *lanes) {
      u16 a[16][16], b[8][16];
      for (u32 lane = 0; lane < 32; lane++) {
        const fragments *part = fragments_of(&lanes[lane]);
        for (u32 r = 0; r < 4; r++)
          memcpy(&a[lane / 4 + r % 2 * 8][lane % 4 * 2 + r / 2 * 8], &part->a[r], 4);
        for (u32 r = 0; r < 2; r++) memcpy(&b[lane / 4][lane % 4 * 2 + r * 8], &part->b[r], 4);
      }
      half_row rows[16], columns[8];
      for (u32 i = 0; i < 16; i++) split_halves(a[i], &rows[i]);
      for (u32 j = 0; j < 8; j++) split_halves(b[j], &columns[j]);
      const u32 length = (u32)head->matrix_length;
      for (u32 lane = 0; lane < 32; lane++)
        for (u32 i = 0; i < 4; i++) {
          u32 *d = (u32 *)fragments_of(&lanes[lane])->d + i;
          const u32 row = row_of(lane, i), column = column_of(lane, i);
          for (u32 k = 0; k < 16; k += length) {
            const bool is_finite =
                rows[row].is_finite && columns[column].is_finite && (*d & 0x7f800000) != 0x7f800000;
            u32 specials;
            if (is_finite || !add_specials(&a[row][k], &b[column][k], length, *d, &specials))
              *d = length == 16 ? add_block<16>(&rows[row], &columns[column], k, *d)
                 : length == 8 ? add_block<8>(&rows[row], &columns[column], k, *d)
                               : add_block<4>(&rows[row], &columns[column], k, *d);
            else
              *d = specials;
          }
        }
    }

    // Four matrices of 8 rows of 16 bytes; each thread reads, for itself, 4 bytes of each.
    static void load_matrices(fibre *lanes) {
      for (u32 lane = 0; lane < 32; lane++) {
        const u8 *row = (const u8 *)fragments_of(&lanes[lane])->a;
        if (has_checks && (u64)row % 16) fail(MISALIGNED, lanes[lane].line, 0, row, 16, 16);
      }
      for (u32 lane = 0; lane < 32; lane++)
        for (u32 j = 0; j < 4; j++) {
          const u8 *from = (const u8 *)fragments_of(&lanes[j * 8 + lane / 4])->a + lane % 4 * 4;
          if (has_checks) check(from, 4, IS_ALIGNED, lanes[lane].line, &lanes[lane]);
          memcpy((u32 *)fragments_of(&lanes[lane])->d + j, from, 4);
        }
    }
    """#
}
