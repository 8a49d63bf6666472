/** How far the front end is on its way down. One object, shared with every exchange: looked at when an answer is written. */
export interface DrainState {
  /** Load balancers shall turn away. */
  failReadiness: boolean
  /** The answer is the last of its connection. */
  closeConnections: boolean
}
