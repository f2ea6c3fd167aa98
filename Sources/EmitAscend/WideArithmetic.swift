import CFamily

/// Binary64 on integers of 64 bits, for a scalar unit without binary64: text of functions on the bits of numbers.
///
/// All of IEEE 754 to nearest even, subnormals included, but one: a NaN that comes out is the canonical one, as the
/// numeric contract wants it. `rounded_sum` rounds the exact sum of its operands once, to binary32.
package enum WideArithmetic {
  /// Names of all functions; each brings those that it calls.
  package static let names = [
    "leading_zeros", "rounded_number", "is_wide_number", "wide_order", "wide_less", "wide_at_most",
    "wide_equal",
    "significand_of", "wide_of_float", "wide_of_integer", "float_of_wide",
    "add_wide", "multiply_wide", "rounded_sum",
  ]

  /// Adds a function and those that it calls; returns its name.
  @discardableResult
  package static func define(_ name: String, in definitions: Definitions) -> String {
    guard !definitions.isKnown(name), let (needs, text) = texts[name] else { return name }
    for other in needs { define(other, in: definitions) }
    definitions.add(name) { text }
    return name
  }

  /// The text of all functions.
  package static var text: String {
    let definitions = Definitions()
    for name in names { define(name, in: definitions) }
    return definitions.functions.joined(separator: "\n\n")
  }

  private static let texts: [String: (needs: [String], text: String)] = [
    "leading_zeros": (
      [],
      """
      // Zeros above the highest one of a number that is not 0.
      __aicore__ inline int64_t leading_zeros(uint64_t x) {
        int64_t zeros = 0;
        for (int64_t width = 32; width > 0; width >>= 1) {
          if (x >> (64 - width) == 0) {
            zeros += width;
            x <<= width;
          }
        }
        return zeros;
      }
      """
    ),
    "rounded_number": (
      ["leading_zeros"],
      """
      // m 2^e, m not 0 and its lowest bit set where something below was cut off, to nearest even: the bits of a
      // number of `places` significant bits whose exponent has the bias `bias`.
      __aicore__ inline int64_t rounded_number(uint64_t m, int64_t e, int64_t places, int64_t bias) {
        const int64_t zeros = leading_zeros(m);
        m <<= zeros;
        const int64_t field = e - zeros + 63 + bias;
        if (field > 2 * bias) {
          return (2 * bias + 1) << (places - 1);
        }
        // Below the least normal number the place of the last bit stays.
        const int64_t dropped = 64 - places + (field > 0 ? 0 : 1 - field);
        if (dropped > 64) {
          return 0;
        }
        const uint64_t kept = dropped == 64 ? 0 : m >> dropped;
        const uint64_t rest = m << (64 - dropped);
        const uint64_t half = (uint64_t)1 << 63;
        const int64_t up = rest > half || (rest == half && (kept & 1) != 0) ? 1 : 0;
        // The highest bit of a normal number counts the exponent up by one, and so does a carry.
        return (field > 0 ? (field - 1) << (places - 1) : 0) + (int64_t)kept + up;
      }
      """
    ),
    "is_wide_number": (
      [],
      """
      __aicore__ inline bool is_wide_number(int64_t a) {
        return (a & INT64_MAX) <= 0x7ff0000000000000;
      }
      """
    ),
    "wide_order": (
      [],
      """
      // Integers in the order of the numbers; both zeros are 0.
      __aicore__ inline int64_t wide_order(int64_t a) {
        return a < 0 ? -(a & INT64_MAX) : a;
      }
      """
    ),
    "wide_less": (
      ["is_wide_number", "wide_order"],
      """
      __aicore__ inline bool wide_less(int64_t a, int64_t b) {
        return is_wide_number(a) && is_wide_number(b) && wide_order(a) < wide_order(b);
      }
      """
    ),
    "wide_at_most": (
      ["is_wide_number", "wide_order"],
      """
      __aicore__ inline bool wide_at_most(int64_t a, int64_t b) {
        return is_wide_number(a) && is_wide_number(b) && wide_order(a) <= wide_order(b);
      }
      """
    ),
    "wide_equal": (
      ["is_wide_number", "wide_order"],
      """
      __aicore__ inline bool wide_equal(int64_t a, int64_t b) {
        return is_wide_number(a) && is_wide_number(b) && wide_order(a) == wide_order(b);
      }
      """
    ),
    "significand_of": (
      [],
      """
      // A finite number's significand and the exponent of its last place.
      __aicore__ inline uint64_t significand_of(int64_t a, int64_t &e) {
        const int64_t field = a >> 52 & 2047;
        e = (field > 0 ? field : 1) - 1075;
        return (uint64_t)(a & 0xfffffffffffff) | (field > 0 ? (uint64_t)1 << 52 : 0);
      }
      """
    ),
    "wide_of_float": (
      ["rounded_number"],
      """
      // The binary64 that equals a binary32, both by their bits.
      __aicore__ inline int64_t wide_of_float(int32_t bits) {
        const int64_t sign = (int64_t)bits & INT64_MIN;
        const int64_t field = bits >> 23 & 255;
        const int64_t fraction = bits & 0x7fffff;
        if (field == 255) {
          return fraction != 0 ? 0x7ff8000000000000 : sign | 0x7ff0000000000000;
        }
        if (field > 0) {
          return sign | (field + 896) << 52 | fraction << 29;
        }
        return fraction == 0 ? sign : sign | rounded_number((uint64_t)fraction, -149, 53, 1023);
      }
      """
    ),
    "wide_of_integer": (
      ["rounded_number"],
      """
      __aicore__ inline int64_t wide_of_integer(int64_t a) {
        const int64_t size = rounded_number(a < 0 ? 0 - (uint64_t)a : (uint64_t)a, 0, 53, 1023);
        return a == 0 ? 0 : a < 0 ? INT64_MIN | size : size;
      }
      """
    ),
    "float_of_wide": (
      ["is_wide_number", "rounded_number", "significand_of"],
      """
      // The binary32 nearest to a binary64, both by their bits.
      __aicore__ inline int32_t float_of_wide(int64_t a) {
        if (!is_wide_number(a)) {
          return 0x7fc00000;
        }
        const int32_t sign = a < 0 ? INT32_MIN : 0;
        if ((a & INT64_MAX) == 0x7ff0000000000000) {
          return sign | 0x7f800000;
        }
        int64_t e = 0;
        const uint64_t m = significand_of(a, e);
        return m == 0 ? sign : sign | (int32_t)rounded_number(m, e, 24, 127);
      }
      """
    ),
    "add_wide": (
      ["is_wide_number", "rounded_number", "significand_of"],
      """
      __aicore__ inline int64_t add_wide(int64_t a, int64_t b) {
        const int64_t nan = 0x7ff8000000000000;
        const int64_t infinity = 0x7ff0000000000000;
        if (!is_wide_number(a) || !is_wide_number(b)) {
          return nan;
        }
        if ((a & INT64_MAX) == infinity) {
          return (b & INT64_MAX) == infinity && a != b ? nan : a;
        }
        if ((b & INT64_MAX) == infinity) {
          return b;
        }
        // The one with the greater exponent first.
        if ((a & INT64_MAX) < (b & INT64_MAX)) {
          const int64_t greater = b;
          b = a;
          a = greater;
        }
        int64_t e = 0;
        int64_t least = 0;
        const uint64_t m = significand_of(a, e) << 10;
        uint64_t n = significand_of(b, least) << 10;
        const int64_t distance = e - least;
        if (distance > 0) {
          // What is cut off leaves a one in the last place.
          n = distance > 63 ? (n != 0 ? 1 : 0) : n >> distance | (n << (64 - distance) != 0 ? 1 : 0);
        }
        const uint64_t sum = (a < 0) == (b < 0) ? m + n : m - n;
        if (sum == 0) {
          return a & b & INT64_MIN;
        }
        return (a & INT64_MIN) | rounded_number(sum, e - 10, 53, 1023);
      }
      """
    ),
    "multiply_wide": (
      ["is_wide_number", "rounded_number", "significand_of"],
      """
      __aicore__ inline int64_t multiply_wide(int64_t a, int64_t b) {
        const int64_t nan = 0x7ff8000000000000;
        const int64_t infinity = 0x7ff0000000000000;
        const int64_t sign = (a ^ b) & INT64_MIN;
        if (!is_wide_number(a) || !is_wide_number(b)) {
          return nan;
        }
        const bool is_zero = (a & INT64_MAX) == 0 || (b & INT64_MAX) == 0;
        if ((a & INT64_MAX) == infinity || (b & INT64_MAX) == infinity) {
          return is_zero ? nan : sign | infinity;
        }
        if (is_zero) {
          return sign;
        }
        int64_t e = 0;
        int64_t f = 0;
        uint64_t m = significand_of(a, e);
        uint64_t n = significand_of(b, f);
        const int64_t left = leading_zeros(m);
        const int64_t right = leading_zeros(n);
        m <<= left;
        n <<= right;
        // The upper 64 bits of the product, by halves.
        const uint64_t low = (m & UINT32_MAX) * (n & UINT32_MAX);
        const uint64_t middle = (m >> 32) * (n & UINT32_MAX) + (low >> 32);
        const uint64_t other = (m & UINT32_MAX) * (n >> 32) + (middle & UINT32_MAX);
        const uint64_t high = (m >> 32) * (n >> 32) + (middle >> 32) + (other >> 32);
        const bool is_cut = (other & UINT32_MAX) != 0 || (low & UINT32_MAX) != 0;
        return sign | rounded_number(high | (is_cut ? 1 : 0), e - left + f - right + 64, 53, 1023);
      }
      """
    ),
    "rounded_sum": (
      ["is_wide_number", "leading_zeros", "rounded_number", "significand_of"],
      """
      // The exact sum of finite binary64, or NaN, rounded once: the bits of a binary32. A zero sum is +0. The sum is a
      // whole number of 2^-1074 of 34 words with a sign.
      template <typename... Terms>
      __aicore__ inline int32_t rounded_sum(Terms... terms) {
        const int64_t given[] = {terms...};
        uint64_t words[34] = {0};
        for (int64_t term : given) {
          if (!is_wide_number(term)) {
            return 0x7fc00000;
          }
          int64_t e = 0;
          const uint64_t m = significand_of(term, e);
          const int64_t shift = (e + 1074) & 63;
          const uint64_t parts[2] = {m << shift, shift == 0 ? 0 : m >> (64 - shift)};
          const int64_t first = (e + 1074) >> 6;
          uint64_t carry = 0;
          for (int64_t i = first; i < 34; i++) {
            const uint64_t part = i < first + 2 ? parts[i - first] : 0;
            const uint64_t before = words[i];
            if (term < 0) {
              words[i] = before - part - carry;
              carry = before < part || (before == part && carry != 0) ? 1 : 0;
            } else {
              words[i] = before + part + carry;
              carry = words[i] < before || (words[i] == before && carry != 0) ? 1 : 0;
            }
          }
        }
        const bool is_negative = words[33] >> 63 != 0;
        uint64_t carry = 1;
        int64_t top = -1;
        for (int64_t i = 0; i < 34; i++) {
          if (is_negative) {
            words[i] = ~words[i] + carry;
            carry = words[i] == 0 && carry != 0 ? 1 : 0;
          }
          top = words[i] != 0 ? i : top;
        }
        if (top < 0) {
          return 0;
        }
        const int64_t zeros = leading_zeros(words[top]);
        uint64_t m = words[top] << zeros;
        if (top > 0 && zeros > 0) {
          m |= words[top - 1] >> (64 - zeros);
        }
        bool is_cut = top > 0 && words[top - 1] << zeros != 0;
        for (int64_t i = 0; i < top - 1; i++) {
          is_cut = is_cut || words[i] != 0;
        }
        const int64_t e = 64 * top - zeros - 1074;
        return (is_negative ? INT32_MIN : 0) | (int32_t)rounded_number(m | (is_cut ? 1 : 0), e, 24, 127);
      }
      """
    ),
  ]
}
