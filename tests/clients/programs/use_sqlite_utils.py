"""What sqlite-utils does with a database file; prints what it sees. usage: FILE"""

import sys

import oocmap
import sqlite_utils

database = sqlite_utils.Database(sys.argv[1])
oocmap.load(database.conn)
people = database["people"]


def show(title, value):
    print(f"{title}: {value}")


def read():
    show("tables", sorted(database.table_names()))
    show("views", database.view_names())
    show("columns", people.columns_dict)
    show("keys", (people.pks, people.use_rowid, people.count))
    show("get", people.get("ann"))
    try:
        people.get("nobody")
    except sqlite_utils.db.NotFoundError as error:
        show("not found", error)
    show("where", list(people.rows_where("age > ?", [20], order_by="key desc", limit=2)))
    show("order", database["orders"].get(2))
    show("query", list(database.query("SELECT city, count(*) AS n FROM people GROUP BY city")))
    show("analyze", people.analyze_column("city", most_common=False, least_common=False))


def write():
    people.insert({"key": "dee", "name": "Dee", "age": 9, "city": "Bonn"})
    people.insert_all({"key": f"n{i}", "name": "N", "age": i} for i in range(250))
    people.insert({"key": "cy", "name": "Cyd"}, pk="key", replace=True)
    people.insert_all(({"key": key, "name": "x"} for key in ("cy", "di")), ignore=True)
    people.update("bob", {"age": 46})
    people.delete("n7")
    people.delete_where("age BETWEEN 100 AND 200")
    try:
        people.insert({"key": "ann", "name": "Again"})
    except Exception as error:
        show("refused", error)
    database.create_view("old", "SELECT key, age FROM people WHERE age > 240")
    show("old", list(database["old"].rows))
    show("left", (people.count, list(people.rows_where("key < 'n'", order_by="key"))))


read()
write()
