/// Instructions that the device model does not have, since nothing states what they round to: for tests of
/// the probes that measure them, as one chip or another might have them.
enum ChipInstructions {
  /// - Parameters:
  ///   - isFused: whether a multiply-add rounds once.
  ///   - width: how many products of halves are added exactly before a sum is rounded.
  static func text(isFused: Bool, width: Int) -> String {
    """

    namespace tessera_pipes {
    template <class T> static T get(span at, u32 lane) {
      T x;
      __builtin_memcpy(&x, bytes_on_chip() + at.at(lane * (u32)sizeof(T)), sizeof(T));
      return x;
    }
    static void put(span at, u32 lane, float x) {
      __builtin_memcpy(bytes_on_chip() + at.place + 4 * lane, &x, 4);
      __builtin_memset(marks_on_chip() + at.place + 4 * lane, 0, 4);
    }
    // Of finite numbers.
    static float widen(half_bits x) {
      const float size = scalar_of<float>((u64)(x.bits & 0x7fff) << 13) * 0x1p112f;
      return x.bits & 0x8000 ? -size : size;
    }
    static void run_multiply_add(const instruction &i) {
      for (u32 l = 0; l < i.count; l++) {
        const float a = get<float>(i.from[0], l), b = get<float>(i.from[1], l), c = get<float>(i.from[2], l);
        put(i.to, l, \(isFused ? "(float)((double)a * b + c)" : "a * b + c"));
      }
    }
    // Always cut off.
    static void run_divide(const instruction &i) {
      for (u32 l = 0; l < i.count; l++) {
        const double exact = (double)get<float>(i.from[0], l) / get<float>(i.from[1], l);
        float near = (float)exact;
        const double size = near < 0 ? -(double)near : near, exact_size = exact < 0 ? -exact : exact;
        if (size > exact_size) near = scalar_of<float>(scalar_bits(near) - 1);
        put(i.to, l, near);
      }
    }
    // A long series in doubles.
    static void run_exponential(const instruction &i) {
      for (u32 l = 0; l < i.count; l++) {
        const double x = get<float>(i.from[0], l) / 256.0;
        double sum = 1, term = 1;
        for (int n = 1; n < 20; n++) sum += term = term * x / n;
        for (int n = 0; n < 8; n++) sum *= sum;
        put(i.to, l, (float)sum);
      }
    }
    static void run_half_products(const instruction &i) {
      const u32 rows = i.shape[0], columns = i.shape[1], depth = i.shape[2], across = depth / 16, wide = columns / 16;
      for (u32 r = 0; r < rows; r++)
        for (u32 c = 0; c < columns; c++) {
          float sum = 0;
          for (u32 first = 0; first < depth; first += \(width)) {
            double exact = sum;
            for (u32 k = first; k < first + \(width); k++) {
              const u32 x = (r / 16 * across + k / 16) * 256 + r % 16 * 16 + k % 16;
              const u32 y = (k / 16 * wide + c / 16) * 256 + c % 16 * 16 + k % 16;
              exact += (double)widen(get<half_bits>(i.from[0], x)) * widen(get<half_bits>(i.from[1], y));
            }
            sum = (float)exact;
          }
          put(i.to, (c / 16 * rows + r) * 16 + c % 16, sum);
        }
    }
    }
    namespace AscendC {
    inline void MulAddDst(
        const LocalTensor<float> &to, const LocalTensor<float> &a, const LocalTensor<float> &b, uint32_t count,
        TESSERA_LINE) {
      vector(
          model::run_multiply_add, line, count, to.lanes(count, line), a.lanes(count, line), b.lanes(count, line),
          to.lanes(count, line));
    }
    inline void Div(
        const LocalTensor<float> &to, const LocalTensor<float> &a, const LocalTensor<float> &b, uint32_t count,
        TESSERA_LINE) {
      vector(model::run_divide, line, count, to.lanes(count, line), a.lanes(count, line), b.lanes(count, line));
    }
    inline void Exp(const LocalTensor<float> &to, const LocalTensor<float> &a, uint32_t count, TESSERA_LINE) {
      vector(model::run_exponential, line, count, to.lanes(count, line), a.lanes(count, line));
    }
    // Lines of halves are lines of bytes.
    inline void DataCopy(
        const LocalTensor<half> &to, const GlobalTensor<half> &from, const Nd2NzParams &shape, TESSERA_LINE) {
      GlobalTensor<int8_t> bytes;
      bytes.at = (int8_t *)from.at;
      DataCopy(
          to.ReinterpretCast<int8_t>(), bytes,
          Nd2NzParams(1, shape.nValue, 2 * shape.dValue, 0, 2 * shape.srcDValue, shape.dstNzC0Stride, 1, 0), line);
    }
    inline void LoadData(
        const LocalTensor<half> &to, const LocalTensor<half> &from, const LoadData2DParams &shape, TESSERA_LINE) {
      LoadData(to.ReinterpretCast<int8_t>(), from.ReinterpretCast<int8_t>(), shape, line);
    }
    inline void Mmad(
        const LocalTensor<float> &to, const LocalTensor<half> &left, const LocalTensor<half> &right,
        const MmadParams &shape, TESSERA_LINE) {
      on_cube(line);
      const uint32_t unit = model::own(model::M);
      model::instruction &fresh = model::issue(model::M, model::WORK, line);
      fresh.run = model::run_half_products;
      fresh.to = to.checked(0, 4 * shape.m * shape.n, unit, line, 1024);
      fresh.from[0] = left.checked(0, 2 * shape.m * shape.k, unit, line, 512);
      fresh.from[1] = right.checked(0, 2 * shape.n * shape.k, unit, line, 512);
      const uint32_t extents[] = {shape.m, shape.n, shape.k};
      __builtin_memcpy(fresh.shape, extents, sizeof(extents));
      model::commit(model::M);
    }
    }

    """
  }
}
