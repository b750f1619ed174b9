// Marks what oocmap.so exports to the Python module. Everything else is hidden: the compiler flags
// hide by default, and cmake/oocmap.map lets through only sqlite3_oocmap_init, oocmap_* and
// namespace oocmap.
//
//   class OOCMAP_API Error : public std::exception { ... };   // thrown across the border: must be
//   exported OOCMAP_API std::string_view build_id();
#ifndef OOCMAP_CORE_BASE_EXPORT_H_
#define OOCMAP_CORE_BASE_EXPORT_H_

#define OOCMAP_API __attribute__((visibility("default")))

#endif  // OOCMAP_CORE_BASE_EXPORT_H_
