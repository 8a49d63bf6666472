/** How far the front end is on its way down. One object, shared with every exchange: looked at when an answer is written. */
export interface Closing {
  /** Load balancers shall turn away. */
  isUnready: boolean
  /** The answer is the last of its connection. */
  isLastAnswer: boolean
}
