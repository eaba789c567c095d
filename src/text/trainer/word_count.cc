#include "text/trainer/word_count.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <memory>
#include <mutex>

#include "core/error.h"
#include "core/parallel.h"
#include "core/utf8.h"
#include "io/text_reader.h"
#include "text/tokenizer/pretokenize.h"

namespace roberta {
namespace {

constexpr size_t kPadding = 16;    // bytes that WordCounts may read past a word
constexpr size_t kShortWord = 15;  // bytes; the 16th holds the length
constexpr uint64_t kLong = 0xFF;   // in place of the length
constexpr int kTopByte = 56;
constexpr size_t kBatch = 256;  // pre-tokens looked up together, their slots prefetched

uint64_t load64(const char* p) {
  uint64_t x;
  std::memcpy(&x, p, 8);
  return x;
}

}  // namespace

WordCounts::WordCounts() : slots_(1 << 10), mask_(slots_.size() - 1) {}

uint64_t WordCounts::hash_of(uint64_t low, uint64_t high) {
  if (high >> kTopByte == kLong) return low;
  const auto product = static_cast<unsigned __int128>(low ^ 0x9E3779B97F4A7C15) * (high ^ 0xD6E8FEB86659FD93);
  return static_cast<uint64_t>(product) ^ static_cast<uint64_t>(product >> 64);
}

WordCounts::Key WordCounts::key_of(const char* word, size_t bytes) {
  if (bytes > kShortWord) {
    const uint64_t hash = XXH3_64bits(word, bytes);
    return {hash, kLong << kTopByte, hash};
  }
  static_assert(std::endian::native == std::endian::little);
  uint64_t low = load64(word), high = 0;
  if (bytes < 8) {
    low &= (uint64_t{1} << (8 * bytes)) - 1;
  } else {
    high = load64(word + 8) & ((uint64_t{1} << (8 * (bytes - 8))) - 1);
  }
  high |= static_cast<uint64_t>(bytes) << kTopByte;
  return {low, high, hash_of(low, high)};
}

std::string_view WordCounts::word_of(const Slot& slot, char* inside) const {
  if (slot.high >> kTopByte == kLong) {
    const LongWord& word = long_words_[slot.high & ~(kLong << kTopByte)];
    return std::string_view(long_bytes_).substr(word.begin, word.bytes);
  }
  std::memcpy(inside, &slot.low, 8);
  std::memcpy(inside + 8, &slot.high, 8);
  return {inside, slot.high >> kTopByte};
}

bool WordCounts::matches(const Slot& slot, const Key& key, const char* word, size_t bytes) const {
  if (slot.low != key.low) return false;
  if (key.high >> kTopByte != kLong) return slot.high == key.high;
  char unused[16];
  return slot.high >> kTopByte == kLong && word_of(slot, unused) == std::string_view(word, bytes);
}

void WordCounts::add(const Key& key, const char* word, size_t bytes, int64_t count) {
  uint64_t i = key.hash & mask_;
  for (; slots_[i].count != 0; i = (i + 1) & mask_) {
    if (matches(slots_[i], key, word, bytes)) {
      slots_[i].count += count;
      return;
    }
  }
  slots_[i] = {key.low, key.high, count};
  if (key.high >> kTopByte == kLong) {
    slots_[i].high |= long_words_.size();
    long_words_.push_back({long_bytes_.size(), bytes});
    long_bytes_.append(word, bytes);
  }
  if (++size_ * 2 > slots_.size()) grow();
}

void WordCounts::grow() {
  std::vector<Slot> old(slots_.size() * 4);
  old.swap(slots_);
  mask_ = slots_.size() - 1;
  for (const Slot& slot : old) {
    if (slot.count == 0) continue;
    uint64_t i = hash_of(slot.low, slot.high) & mask_;
    while (slots_[i].count != 0) i = (i + 1) & mask_;
    slots_[i] = slot;
  }
}

void WordCounts::add_all(const char* text, const uint32_t* ends, size_t count) {
  Key keys[kBatch];
  uint32_t begin = 0;
  for (size_t done = 0; done < count; done += kBatch) {
    const size_t n = std::min(kBatch, count - done);
    const uint32_t* const e = ends + done;
    uint32_t from = begin;
    for (size_t i = 0; i < n; ++i) {
      keys[i] = key_of(text + from, e[i] - from);
      __builtin_prefetch(&slots_[keys[i].hash & mask_]);
      from = e[i];
    }
    for (size_t i = 0; i < n; ++i) {
      add(keys[i], text + begin, e[i] - begin, 1);
      begin = e[i];
    }
  }
}

void WordCounts::merge(const WordCounts& other) {
  char inside[16];
  for (const Slot& slot : other.slots_) {
    if (slot.count == 0) continue;
    const std::string_view word = other.word_of(slot, inside);
    Key key{slot.low, slot.high, hash_of(slot.low, slot.high)};
    if (key.high >> kTopByte == kLong) key.high = kLong << kTopByte;
    add(key, word.data(), word.size(), slot.count);
  }
}

namespace {

/// One thread's share of the counting.
class LineCounter {
 public:
  explicit LineCounter(bool add_prefix_space) : add_prefix_space_(add_prefix_space) {}

  void count(TextChunk& chunk, const std::string& name) {
    check_utf8(chunk, name);
    const size_t bytes = chunk.text.size();
    chunk.text.append(kPadding, '\0');
    const char* p = chunk.text.data();
    const char* const end = p + bytes;
    bool starts_line = chunk.starts_line;
    while (p != end) {
      const void* newline = std::memchr(p, '\n', static_cast<size_t>(end - p));
      const char* const line_end = newline ? static_cast<const char*>(newline) + 1 : end;
      if (add_prefix_space_ && starts_line && *p != ' ') {
        prefixed_.assign(1, ' ').append(p, line_end).append(kPadding, '\0');
        count_line(prefixed_.data(), prefixed_.data() + prefixed_.size() - kPadding);
      } else {
        count_line(p, line_end);
      }
      p = line_end;
      starts_line = true;
    }
  }

  WordCounts& table() { return table_; }

 private:
  void count_line(const char* p, const char* end) {
    uint32_t ends[kBatch];
    while (p != end) {
      const size_t n = scan_pretokens(p, end, ends, kBatch);
      table_.add_all(p, ends, n);
      p += ends[n - 1];
    }
  }

  static void check_utf8(const TextChunk& chunk, const std::string& name) {
    const size_t bad = find_invalid_utf8(chunk.text);
    if (bad == std::string_view::npos) return;
    fail(ErrorCode::kInput, "[text] ", name, ": byte ", chunk.offset + static_cast<int64_t>(bad),
         ": invalid UTF-8 (0x", std::hex, static_cast<int>(static_cast<unsigned char>(chunk.text[bad])),
         "); convert the file to UTF-8 first");
  }

  bool add_prefix_space_;
  WordCounts table_;
  std::string prefixed_;
};

/// Hands the chunks of all files to the threads, one after the other.
class ChunkQueue {
 public:
  explicit ChunkQueue(const std::vector<std::filesystem::path>& files) : files_(files) {
    for (const auto& file : files) {
      check_readable(file);  // before hours are spent on the others
      const int64_t size = stored_size(file);
      if (size < 0) unknown_ = true;
      total_ += size;
    }
  }

  /// Under a lock. False when nothing is left.
  bool next(TextChunk& chunk, std::string& name) {
    for (;;) {
      if (reader_ && reader_->next_chunk(chunk)) {
        name = reader_->name();
        return true;
      }
      if (reader_) finished_ += reader_->stored_position();
      reader_.reset();
      if (next_file_ == files_.size()) return false;
      reader_ = std::make_unique<TextReader>(files_[next_file_++]);
    }
  }

  int64_t done() const { return finished_ + (reader_ ? reader_->stored_position() : 0); }
  int64_t total() const { return unknown_ ? 0 : total_; }

 private:
  const std::vector<std::filesystem::path>& files_;
  size_t next_file_ = 0;
  std::unique_ptr<TextReader> reader_;
  int64_t finished_ = 0, total_ = 0;
  bool unknown_ = false;
};

/// Adds the threads' tables up in pairs, in pairs of pairs, ...
WordCounts sum_of(std::vector<LineCounter>& counters) {
  const int count = static_cast<int>(counters.size());
  for (int step = 1; step < count; step *= 2) {
    parallel_for(count, (count - 1) / (2 * step) + 1, [&](int64_t pair, int) {
      const size_t i = static_cast<size_t>(pair * 2 * step);
      if (i + static_cast<size_t>(step) >= counters.size()) return;
      counters[i].table().merge(counters[i + static_cast<size_t>(step)].table());
      counters[i + static_cast<size_t>(step)].table() = WordCounts();
    });
  }
  return std::move(counters[0].table());
}

}  // namespace

WordCounts count_words(const std::vector<std::filesystem::path>& files, bool add_prefix_space, int threads,
                       const std::function<void(int64_t done, int64_t total)>& progress) {
  threads = std::max(threads, 1);
  ChunkQueue queue(files);
  std::vector<LineCounter> counters(threads, LineCounter(add_prefix_space));
  std::mutex reading;
  // Each piece of work counts chunks into its own table until all files are read.
  parallel_for(threads, threads, [&](int64_t piece, int thread) {
    TextChunk chunk;
    std::string name;
    for (;;) {
      int64_t done = 0;
      {
        const std::lock_guard<std::mutex> lock(reading);
        if (!queue.next(chunk, name)) return;
        done = queue.done();
      }
      counters[static_cast<size_t>(piece)].count(chunk, name);
      if (thread == 0 && progress) progress(done, queue.total());  // thread 0 is the caller's
    }
  });
  if (progress) progress(queue.done(), queue.total());
  return sum_of(counters);
}

}  // namespace roberta
