#include "core/lmdb/reserve.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "core/lmdb/platform_linux.h"

namespace oocmap {
namespace {

// On disk, and shared with other processes: do not change. A lock file has 64 bytes a reader.
constexpr uint64_t kOffset = uint64_t{16} << 20;
constexpr uint64_t kMost = uint64_t{4} << 20;

constexpr uint64_t kPage = 4096;
constexpr uint64_t kLeast = uint64_t{256} << 10;
constexpr uint64_t kSmallestFile = uint64_t{1} << 20;
// What taking the reserve leaves free at least.
constexpr uint64_t kRoomForOthers = uint64_t{1} << 20;
// A disk with less than this is nearly full: file systems need some blocks for themselves.
constexpr uint64_t kLittle = uint64_t{8} << 20;

uint64_t whole_pages(uint64_t bytes) noexcept { return (bytes + kPage - 1) / kPage * kPage; }

uint64_t allocated_by(const struct stat& status) noexcept {
  return static_cast<uint64_t>(status.st_blocks) * 512;
}

// Returns how much there was.
uint64_t give_back(int fd) noexcept {
  struct stat before;
  struct stat after;
  if (fstat(fd, &before) != 0) return 0;
  platform::drop_behind(fd, kOffset, kMost);
  if (fstat(fd, &after) != 0 || allocated_by(after) >= allocated_by(before)) return 0;
  // ext4 lets nobody have freed blocks before its journal is written.
  fsync(fd);
  return allocated_by(before) - allocated_by(after);
}

}  // namespace

uint64_t reserve_for(uint64_t allocated) noexcept {
  if (allocated < kSmallestFile) return 0;
  return std::clamp(whole_pages(allocated / 8), kLeast, kMost);
}

bool Reserve::nearly_full(int fd, uint64_t pages) const noexcept {
  return was_full_.load(std::memory_order_relaxed) ||
         platform::free_space(fd) < kLittle + pages * kPage;
}

void Reserve::before_removing(int fd, uint64_t pages) noexcept {
  if (nearly_full(fd, pages)) owed_.store(give_back(fd), std::memory_order_relaxed);
}

void Reserve::met_failure(int error) noexcept {
  // LMDB says EIO of a write of which only a part had room.
  if (error == ENOSPC || error == EDQUOT || error == EIO)
    was_full_.store(true, std::memory_order_relaxed);
}

void Reserve::ended(int fd, uint64_t allocated, bool committed) noexcept {
  const uint64_t before = allocated_.exchange(allocated, std::memory_order_relaxed);
  if (const uint64_t owed = owed_.exchange(0, std::memory_order_relaxed); owed != 0) {
    take_again(fd, owed);
  } else if (committed) {
    if (allocated > before) was_full_.store(false, std::memory_order_relaxed);
    take_more(fd, allocated);
  }
}

void Reserve::take_again(int fd, uint64_t owed) noexcept {
  if (enough_.load(std::memory_order_relaxed) == 0) {
    enough_.store(owed / 2, std::memory_order_relaxed);
  }
  take(fd, owed);
  low_.store(held_.load(std::memory_order_relaxed) < enough_.load(std::memory_order_relaxed),
             std::memory_order_relaxed);
}

void Reserve::take_more(int fd, uint64_t allocated) noexcept {
  const uint64_t held = held_.load(std::memory_order_relaxed);
  const uint64_t wanted = reserve_for(allocated);
  // In steps, so that a growing file asks seldom.
  if (wanted <= held || (wanted < kMost && wanted < held + held / 4)) return;
  if (allocated == refused_.load(std::memory_order_relaxed)) return;
  if (platform::free_space(fd) >= kRoomForOthers + 2 * wanted) take(fd, wanted);
  if (held_.load(std::memory_order_relaxed) < wanted) {
    refused_.store(allocated, std::memory_order_relaxed);
  }
}

void Reserve::fit(int fd, uint64_t allocated) noexcept {
  const uint64_t held = held_.load(std::memory_order_relaxed);
  const uint64_t due = reserve_for(allocated);
  low_.store(false, std::memory_order_relaxed);
  refused_.store(0, std::memory_order_relaxed);
  if (held >= due && held <= 2 * due && !nearly_full(fd, 0)) return;
  const uint64_t given = give_back(fd);
  // Before anything is added again: else there would be less of it each time that the disk is full.
  const auto all_but_little = [&](uint64_t bytes) {
    return std::min(due, std::max(given, bytes - std::min(bytes, kLeast)));
  };
  take(fd, all_but_little(platform::free_space(fd)));
  const uint64_t taken = held_.load(std::memory_order_relaxed);
  if (taken > given && taken < due && was_full_.load(std::memory_order_relaxed)) {
    give_back(fd);  // it was all that a quota leaves
    take(fd, all_but_little(taken));
  }
  enough_.store(held_.load(std::memory_order_relaxed) / 2, std::memory_order_relaxed);
}

// All of `wanted`, or nearly as much of it as there is.
void Reserve::take(int fd, uint64_t wanted) noexcept {
  uint64_t taken = 0;
  for (uint64_t bytes = wanted; bytes >= kPage; bytes = bytes / 2 / kPage * kPage) {
    if (taken + bytes > wanted) continue;
    if (platform::allocate_behind(fd, kOffset + taken, bytes) == 0) taken += bytes;
  }
  held_.store(taken, std::memory_order_relaxed);
}

}  // namespace oocmap
