#pragma once
// tokenizer.json of Hugging Face tokenizers, as far as it is byte-level BPE.

#include <filesystem>
#include <string>
#include <string_view>

#include "text/tokenizer/tokenizer_spec.h"

namespace roberta {

/// Parses the text of a tokenizer.json. Nothing in it is trusted: Error(kModel), beginning with `where`,
/// names the field and what was found.
TokenizerSpec parse_tokenizer_json(std::string_view json, const std::string& where);
/// Parses the texts of vocab.json and merges.txt into a specification without added tokens and frame.
TokenizerSpec parse_vocab_and_merges(std::string_view vocab_json, std::string_view merges_txt,
                                     const std::string& where);

/// The text of the five files that Tokenizer::save writes.
std::string write_tokenizer_json(const TokenizerSpec& spec);
std::string write_vocab_json(const TokenizerSpec& spec);
std::string write_merges_txt(const TokenizerSpec& spec);
std::string write_tokenizer_config_json(const TokenizerSpec& spec);
std::string write_special_tokens_map_json(const TokenizerSpec& spec);

}  // namespace roberta
