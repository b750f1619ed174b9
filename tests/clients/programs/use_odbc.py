"""What pyodbc does with a database file; prints what it sees. usage: FILE"""

import sys

import pyodbc

connection = pyodbc.connect(f"Driver=SQLite3;Database={sys.argv[1]};LoadExt=./lib/oocmap")
cursor = connection.cursor()


def show(title, value):
    print(f"{title}: {value}")


def read():
    show("tables", sorted((row.table_name, row.table_type) for row in cursor.tables()))
    for table in ("people", "orders"):
        show("columns", [(row.column_name, row.type_name) for row in cursor.columns(table)])
        show("keys", [row.column_name for row in cursor.primaryKeys(table)])
    show("rows", cursor.execute("SELECT * FROM people ORDER BY key DESC").fetchall())
    show("types", [(column[0], column[1].__name__) for column in cursor.description])
    query = "SELECT name, age FROM people WHERE key = ? OR age > ?"
    show("bound", cursor.execute(query, ("ann", 40)).fetchall())
    query = "SELECT who, sum(total) FROM orders WHERE key >= ? GROUP BY who"
    show("grouped", cursor.execute(query, (2,)).fetchall())
    show("view", cursor.execute("SELECT * FROM romans").fetchall())


def write():
    insert = "INSERT INTO people(key, name, age, city) VALUES (?, ?, ?, ?)"
    cursor.executemany(insert, [(f"o{i}", "Ödön ☃", i, None) for i in range(50)])
    connection.rollback()
    show("rolled back", cursor.execute("SELECT count(*) FROM people").fetchval())
    cursor.executemany(insert, [(f"o{i}", "Ödön ☃", i, None) for i in range(50)])
    connection.commit()
    show("updated", cursor.execute("UPDATE people SET age = 0 WHERE age < 9").rowcount)
    show("deleted", cursor.execute("DELETE FROM people WHERE age = 0").rowcount)
    connection.commit()
    for sql in (
        "INSERT INTO people(key, name) VALUES ('ann', 'x')",
        "INSERT INTO people(key, name) VALUES (NULL, 'x')",
        "SELECT no_such FROM people",
    ):
        try:
            cursor.execute(sql)
        except pyodbc.Error as error:
            show("refused", error)
        connection.rollback()
    query = "SELECT count(*), sum(age), max(name) FROM people"
    show("left", cursor.execute(query).fetchall())


read()
write()
connection.close()
