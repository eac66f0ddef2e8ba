// A line of progress: rewritten on a terminal, else written anew now and then.

/** How many milliseconds pass between two lines where there is no terminal. */
const EVERY_MS = 30_000

interface Stream {
  isTTY?: boolean
  write(text: string): unknown
}

/** A line of progress on a stream. */
export class Line {
  #stream: Stream
  #shown = ''
  #last = ''
  #next = 0

  constructor(stream: Stream) {
    this.#stream = stream
  }

  write(line: string): void {
    this.#last = line
    if (this.#stream.isTTY) {
      this.#stream.write(`\r${line.padEnd(this.#shown.length)}`)
      this.#shown = line
    } else if (performance.now() >= this.#next) this.#plain()
  }

  end(): void {
    if (!this.#last) return
    if (this.#stream.isTTY) this.#stream.write('\n')
    else if (this.#shown !== this.#last) this.#plain()
  }

  #plain(): void {
    this.#stream.write(`${this.#last}\n`)
    this.#shown = this.#last
    this.#next = performance.now() + EVERY_MS
  }
}
