// y = 2 relu(x w), s = the sums of its rows, for a batch of 6: small integers, so that every
// processor level gives the same digits.
func.func @main(%x: tensor<6x4xf32> {weir.name = "x"}, %w: tensor<4x3xf32> {weir.variable = "w"})
    -> (tensor<6x3xf32> {weir.name = "y"}, tensor<6xf32> {weir.name = "s"}) {
  %two = weir.constant dense<2.0> : tensor<6x3xf32>
  %zero = weir.constant dense<0.0> : tensor<6x3xf32>
  %0 = weir.dot %x, %w batch = [] x [] contract = [1] x [0] : (tensor<6x4xf32>, tensor<4x3xf32>) -> tensor<6x3xf32>
  %1 = weir.max %0, %zero : tensor<6x3xf32>
  %2 = weir.mul %1, %two : tensor<6x3xf32>
  %3 = weir.reduce_sum %2 dims = [1] : (tensor<6x3xf32>) -> tensor<6xf32>
  return %2, %3 : tensor<6x3xf32>, tensor<6xf32>
}
