from greenhouse import Greenhouse

from junto import sync


def main() -> None:
    with sync.serve(Greenhouse(), "tcp://127.0.0.1:5555", workers=4) as server:
        print("serving at", server.addresses[0], flush=True)
        server.serve_forever()


if __name__ == "__main__":
    main()
