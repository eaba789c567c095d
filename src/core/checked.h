#pragma once
// Arithmetic on numbers that come from files: every function says whether the result fits. A product
// that wraps around makes a buffer that is too small.

#include <concepts>
#include <optional>
#include <span>

namespace roberta {

template <std::integral T>
constexpr std::optional<T> checked_add(T a, T b) {
  T result{};
  if (__builtin_add_overflow(a, b, &result)) return std::nullopt;
  return result;
}

template <std::integral T>
constexpr std::optional<T> checked_mul(T a, T b) {
  T result{};
  if (__builtin_mul_overflow(a, b, &result)) return std::nullopt;
  return result;
}

/// Product of all; 1 for none. Overflow counts even when a later factor is 0.
template <std::integral T>
constexpr std::optional<T> checked_product(std::span<const T> factors) {
  T result = 1;
  for (const T factor : factors) {
    if (__builtin_mul_overflow(result, factor, &result)) return std::nullopt;
  }
  return result;
}

}  // namespace roberta
