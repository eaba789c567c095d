#include <cstring>
#include <span>

#include "data/shard.h"
#include "data/shard_format.h"
#include "io/atomic_file.h"

namespace roberta {
namespace {

std::string_view chars(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

template <class T>
std::span<const std::byte> bytes_of(const std::vector<T>& items) {
  return std::as_bytes(std::span(items));
}

template <class Token>
void narrow(std::span<const int32_t> tokens, std::vector<std::byte>& out) {
  out.resize(tokens.size() * sizeof(Token));
  for (size_t i = 0; i < tokens.size(); ++i) {
    const auto token = static_cast<Token>(tokens[i]);
    std::memcpy(out.data() + i * sizeof(Token), &token, sizeof(Token));
  }
}

ShardHeader header_of(uint32_t token_bytes, const Digest& tokenizer) {
  ShardHeader header{{}, kShardVersion, token_bytes, tokenizer};
  std::memcpy(header.magic, kShardMagic, 8);
  return header;
}

}  // namespace

ShardWriter::ShardWriter(const std::filesystem::path& path, uint32_t token_bytes, const Digest& tokenizer)
    : file_(std::make_unique<AtomicFile>(path)), token_bytes_(token_bytes), tokenizer_(tokenizer) {
  const ShardHeader header = header_of(token_bytes, tokenizer);
  file_->write(chars(std::as_bytes(std::span(&header, 1))));
}

ShardWriter::~ShardWriter() = default;

void ShardWriter::add(std::span<const int32_t> tokens, std::span<const uint32_t> line_lengths,
                      const Digest& hash) {
  token_bytes_ == 2 ? narrow<uint16_t>(tokens, encoded_) : narrow<uint32_t>(tokens, encoded_);
  token_hash_.add(encoded_);
  file_->write(chars(encoded_));
  starts_.push_back(starts_.back() + tokens.size());
  hashes_.push_back(hash);
  line_lengths_.insert(line_lengths_.end(), line_lengths.begin(), line_lengths.end());
}

int64_t ShardWriter::index_bytes() const {
  return static_cast<int64_t>(bytes_of(starts_).size() + bytes_of(hashes_).size() +
                              bytes_of(line_lengths_).size());
}

int64_t ShardWriter::size() const {
  return file_->size() + index_bytes() + static_cast<int64_t>(sizeof(ShardFooter));
}

void ShardWriter::write_section(std::span<const std::byte> bytes, Digest& checksum) {
  checksum = digest_of(bytes);
  file_->write(chars(bytes));
  file_->write(std::string(padded(bytes.size()) - bytes.size(), '\0'));
}

int64_t ShardWriter::commit() {
  ShardFooter footer{};
  footer.tokens = starts_.back();
  footer.documents = hashes_.size();
  footer.lines = line_lengths_.size();
  footer.sections[0] = token_hash_.value();
  const uint64_t token_bytes = footer.tokens * token_bytes_;
  file_->write(std::string(padded(token_bytes) - token_bytes, '\0'));
  write_section(bytes_of(starts_), footer.sections[1]);
  write_section(bytes_of(hashes_), footer.sections[2]);
  write_section(bytes_of(line_lengths_), footer.sections[3]);
  footer.file_bytes = static_cast<uint64_t>(file_->size()) + sizeof footer;
  const ShardHeader header = header_of(token_bytes_, tokenizer_);
  DigestBuilder self;
  self.add(std::as_bytes(std::span(&header, 1)));
  self.add(std::as_bytes(std::span(&footer, 1)).first(offsetof(ShardFooter, self)));
  footer.self = self.value();
  std::memcpy(footer.magic, kShardEnd, 8);
  file_->write(chars(std::as_bytes(std::span(&footer, 1))));
  file_->commit();
  return file_->size();
}

}  // namespace roberta
