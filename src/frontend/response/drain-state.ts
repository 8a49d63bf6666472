/** Progress of a shutdown. One object shared by the whole front end, read whenever a response is written. */
export interface DrainState {
  /** `/readiness` fails, so that load balancers stop sending requests. */
  failReadiness: boolean
  /** Each response is the last on its connection. */
  closeConnections: boolean
}
