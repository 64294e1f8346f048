from junto.compat import ohneio  # was: import ohneio


def wait_for(separator):
    while True:
        position = (yield from ohneio.peek()).find(separator)
        if position >= 0:
            return position
        yield from ohneio.wait()


@ohneio.protocol
def shout():
    while True:
        word = yield from ohneio.read((yield from wait_for(b" ")))
        yield from ohneio.read(1)
        yield from ohneio.write(word.upper() + b"! ")


def main():
    connection = shout()
    connection.send(b"good mor")
    print(connection.read())
    connection.send(b"ning everybody")
    connection.send(b" ")
    print(connection.read())


if __name__ == "__main__":
    main()
