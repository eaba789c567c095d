#pragma once
#include <cstdint>

namespace roberta {

/// True for the code points that regular expressions call \w (letters, marks, digits, connectors).
bool is_word_char(uint32_t code);

}  // namespace roberta
