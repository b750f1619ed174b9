// One image a process: a second copy of this library would open files a second time, and LMDB loses
// data then without a word. A copy that was refused stays mapped all the same, so what counts is
// not which images are there but which one has taken the process. Every image exports, under one
// name, where it keeps whether it has.
#include <dlfcn.h>

#include <atomic>

#include "core/base/build_id.h"
#include "core/lmdb/environment.h"
#include "core/lmdb/platform_linux.h"

namespace oocmap {
namespace {

// kTaking: looks whether another image has the process; two that come at once both give way.
enum Claim : unsigned char { kNone, kTaking, kTaken };
std::atomic<unsigned char> claim{kNone};

}  // namespace
}  // namespace oocmap

// A pointer: the loader may bind our own use of an exported variable to another image's.
extern "C" OOCMAP_API std::atomic<unsigned char>* const oocmap_image_claim;
std::atomic<unsigned char>* const oocmap_image_claim = &oocmap::claim;

namespace oocmap {
namespace {

Dl_info object_of(const void* address) {
  Dl_info info = {};
  dladdr(address, &info);
  return info;
}

Dl_info own_object() { return object_of(reinterpret_cast<const void*>(&own_object)); }

struct Image {
  std::string path;
  const std::atomic<unsigned char>* claim;
};

// The image of this library that `object` is; nullopt where it is none, or this very one.
std::optional<Image> image_in(const std::string& object, const void* own_base) {
  void* handle = dlopen(object.empty() ? nullptr : object.c_str(), RTLD_LAZY | RTLD_NOLOAD);
  if (handle == nullptr) return std::nullopt;  // e.g. the vdso, which has no file
  // Searches the object's dependencies too, so what is found may be ours all the same.
  const void* found = dlsym(handle, "oocmap_image_claim");
  dlclose(handle);
  if (found == nullptr) return std::nullopt;
  const Dl_info info = object_of(found);
  if (info.dli_fbase == own_base || info.dli_fname == nullptr) return std::nullopt;
  return Image{info.dli_fname, *static_cast<std::atomic<unsigned char>* const*>(found)};
}

// Path of another image of which `matches` is true.
template <typename Matches>
std::optional<std::string> find_image(const Matches& matches) {
  const void* own_base = own_object().dli_fbase;
  for (const std::string& object : platform::loaded_objects()) {
    const auto image = image_in(object, own_base);
    if (image && matches(*image)) return image->path;
  }
  return std::nullopt;
}

}  // namespace

const std::string& image_path() {
  static const std::string path = own_object().dli_fname;
  return path;
}

std::optional<std::string> take_process() {
  if (claim == kTaken) return std::nullopt;
  unsigned char expected = kNone;
  claim.compare_exchange_strong(expected, kTaking);
  auto other = find_image([](const Image& image) { return *image.claim != kNone; });
  expected = kTaking;
  claim.compare_exchange_strong(expected, other ? kNone : kTaken);
  return other;
}

std::optional<std::string> other_image_path() {
  return find_image([](const Image&) { return true; });
}

const char* image_build_id() { return kBuildId; }

}  // namespace oocmap
